"""Daily prices as Yahoo Finance gives them, made into a dataset. Nothing here asks Yahoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backtest.arrays import Floats, Times
from backtest.errors import InvalidFile
from backtest.prices.bars import PRICES
from backtest.prices.dataset import Dataset, make_dataset
from backtest.prices.origin import Origin
from backtest.prices.problems import Problems
from backtest.prices.reading.repairs import Rows, clean

SOURCE = "Yahoo Finance"
COLUMNS = (*PRICES, "volume", "adj_close")


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Daily rows of one symbol, oldest first: (T,) days, and (T,) columns that may hold NaN."""

    days: Times
    columns: Mapping[str, Floats]


def to_dataset(quotes: Quotes, *, symbol: str, before: np.datetime64) -> Dataset:
    """The dataset of these rows, adjusted by Yahoo's adjusted close.

    Every day from `before` on is left out, since a day that is not over has no close yet. Rows without
    prices and prices that miss their range are treated as in a price file (`reading.repairs`).

    Raises
    ------
    InvalidFile
        Where no row is left, or with every row that no rule covers.
    """
    problems = Problems(SOURCE)
    finished = (quotes.days < before) & np.isfinite(quotes.columns["volume"])
    columns = {name: np.asarray(quotes.columns[name][finished], np.float64) for name in COLUMNS}
    rows = Rows(np.flatnonzero(finished) + 1, quotes.days[finished], columns)
    clean(rows, problems)
    problems.raise_if_any()
    if not len(rows):
        raise InvalidFile("there is not a single row of prices", file=SOURCE)
    prices = {name: rows.columns[name] for name in (*PRICES, "volume")}
    return make_dataset(
        symbol, rows.times, prices, source=SOURCE, adj_close=rows.columns["adj_close"],
        origin=Origin("Adj Close", tuple(rows.repairs)),
    )  # fmt: skip
