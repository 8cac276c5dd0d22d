"""A split that prices are not adjusted for, applied: one price scale before and after it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from backtest.errors import FieldError, InvalidRequest
from backtest.prices.bars import PRICES, Bars
from backtest.prices.calendar import stamp
from backtest.prices.dataset import Dataset
from backtest.prices.origin import MOST_SHARES, MOST_SPLITS, Split


def apply_split(dataset: Dataset, date: object, ratio: object) -> Dataset:
    """The dataset with prices before a date divided by a split's ratio, and volumes multiplied by it.

    Parameters
    ----------
    date : of the first bar after the split, as 2020-08-31 or with a time of day
    ratio : new shares for old ones, as 4:1; 1:10 for a reverse split

    Raises
    ------
    InvalidRequest
        Where `date` or `ratio` cannot be read, or there are no bars on both sides of the date.
    """
    new, old = _shares(ratio)
    bar = _first_after(dataset, date)
    if len(dataset.origin.splits) >= MOST_SPLITS:
        raise InvalidRequest([FieldError("date", f"{MOST_SPLITS:,} splits are applied already")])
    split = Split(stamp(dataset.bars.times[bar]), new, old)
    bars = _scaled(dataset.bars, bar, new / old)
    return replace(dataset, bars=bars, origin=dataset.origin.with_split(split))


def _shares(ratio: object) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,4})\s*:\s*(\d{1,4})\s*", ratio) if isinstance(ratio, str) else None
    new, old = (int(match[1]), int(match[2])) if match else (0, 0)
    if new == old or not (1 <= new <= MOST_SHARES and 1 <= old <= MOST_SHARES):
        text = f"must be new shares for old ones, as 4:1 or 1:10, each from 1 to {MOST_SHARES:,}, got {str(ratio)[:40]!r}"
        raise InvalidRequest([FieldError("ratio", text, str(ratio)[:40])])
    return new, old


def _first_after(dataset: Dataset, date: object) -> int:
    """The first bar at or after the date."""
    times = dataset.bars.times
    try:
        moment: np.datetime64 = np.datetime64(date if isinstance(date, str) else "", "s")
    except ValueError:
        moment = np.datetime64("NaT", "s")
    if np.isnat(moment) or not times[0] < moment <= times[-1]:
        text = (
            f"must be a date after the first bar of {dataset.symbol}, {stamp(times[0])}, and not after the last, "
            f"{stamp(times[-1])}, got {str(date)[:40]!r}"
        )
        raise InvalidRequest([FieldError("date", text, str(date)[:40])])
    return int(np.searchsorted(times, moment))


def _scaled(bars: Bars, bar: int, factor: float) -> Bars:
    """Prices before a bar divided by the factor and volumes multiplied; one factor keeps low <= open, close <= high."""
    columns = {name: getattr(bars, name).copy() for name in (*PRICES, "volume")}
    for name in PRICES:
        columns[name][:bar] /= factor
    columns["volume"][:bar] *= factor
    return replace(bars, **columns)
