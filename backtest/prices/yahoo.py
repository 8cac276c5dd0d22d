"""Build a dataset from the daily prices of Yahoo Finance. Sends no request itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backtest.arrays import Flags, Floats, Times
from backtest.prices.bars import PRICES
from backtest.prices.dataset import Dataset
from backtest.prices.price_table import FileErrors, build_dataset

SOURCE = "Yahoo Finance"
COLUMNS = (*PRICES, "volume", "adj_close")
ROUNDING = 1e-6
"""Yahoo rounds each price by itself to 24 bits: a high may lie this share below the open or close."""


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Daily rows of one symbol, oldest first: (T,) days, and (T,) columns that may hold NaN."""

    days: Times
    columns: Mapping[str, Floats]


def to_dataset(quotes: Quotes, *, symbol: str, before: np.datetime64) -> Dataset:
    """The dataset of these rows, adjusted by Yahoo's adjusted close.

    Rows without a price are left out, since Yahoo gives such rows for days without trading; so is
    every day from `before` on, since a day that is not over has no close yet. A high or low that
    differs from open or close by rounding alone is moved onto it.

    Raises
    ------
    InvalidFile
        Where no row is left, or with every row whose prices cannot be.
    """
    errors = FileErrors(SOURCE, [])
    usable = _complete(quotes) & (quotes.days < before)
    columns = {name: quotes.columns[name][usable] for name in COLUMNS}
    lines = np.flatnonzero(usable) + 1
    return build_dataset(
        quotes.days[usable], _without_rounding(columns), lines, symbol=symbol, source=SOURCE, errors=errors
    )


def _complete(quotes: Quotes) -> Flags:
    known = [np.isfinite(quotes.columns[name]) for name in COLUMNS]
    complete: Flags = np.logical_and.reduce(known)
    return complete


def _without_rounding(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    body = np.stack([columns["open"], columns["close"]])
    highest, lowest = body.max(axis=0, initial=-np.inf), body.min(axis=0, initial=np.inf)
    high, low = columns["high"], columns["low"]
    high = np.where((high < highest) & (high >= highest * (1 - ROUNDING)), highest, high)
    low = np.where((low > lowest) & (low <= lowest * (1 + ROUNDING)), lowest, low)
    return {**columns, "high": high, "low": low}
