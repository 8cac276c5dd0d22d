"""Daily prices as Yahoo Finance gives them, made into a dataset. Nothing here asks Yahoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from backtest.arrays import Floats, Times
from backtest.errors import InvalidFile
from backtest.prices.bars import PRICES
from backtest.prices.dataset import Dataset, make_dataset
from backtest.prices.origin import Origin
from backtest.prices.problems import Problems
from backtest.prices.reading.repairs import Rows, clean

SOURCE = "Yahoo Finance"
_RENAMED = f"{SOURCE}, symbol "
COLUMNS = (*PRICES, "volume", "adj_close")


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Daily rows of one symbol, oldest first: (T,) days, and (T,) columns that may hold NaN."""

    days: Times
    columns: Mapping[str, Floats]


def symbol_at_yahoo(symbol: str, source: str) -> str | None:
    """The symbol under which prices of this source were asked of Yahoo; None where they come from elsewhere."""
    if source == SOURCE:
        return symbol
    return source.removeprefix(_RENAMED) if source.startswith(_RENAMED) else None


def renamed(dataset: Dataset, symbol: str) -> Dataset:
    """The same bars under another symbol; its source still says which one Yahoo knows."""
    asked = symbol_at_yahoo(dataset.symbol, dataset.source)
    return replace(
        dataset,
        symbol=symbol,
        bars=replace(dataset.bars, symbols=(symbol,)),
        source=dataset.source if asked is None else f"{_RENAMED}{asked}",
    )


def to_dataset(quotes: Quotes, *, symbol: str, before: np.datetime64, source: str = SOURCE) -> Dataset:
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
        symbol, rows.times, prices, source=source, adj_close=rows.columns["adj_close"],
        origin=Origin("Adj Close", tuple(rows.repairs)),
    )  # fmt: skip
