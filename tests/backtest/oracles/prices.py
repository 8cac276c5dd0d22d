"""Real prices for the oracles: the samples that ship with the product, and frames of them for the other engines."""

from __future__ import annotations

from functools import cache

import pandas as pd

from backtest import samples
from backtest.prices.bars import Bars, join


@cache
def bars(*symbols: str, first: int = 0, count: int | None = None) -> Bars:
    """The named samples on their common calendar, from bar `first` on, `count` bars of them."""
    joined = join([samples.load(symbol).bars for symbol in symbols])
    return joined.cut(first, len(joined) if count is None else first + count)


def frame(prices: Bars, symbol: int = 0) -> pd.DataFrame:
    """One symbol as the other engines want it: Open, High, Low, Close, Volume by day."""
    columns = ("open", "high", "low", "close", "volume")
    data = {name.capitalize(): getattr(prices, name)[:, symbol] for name in columns}
    return pd.DataFrame(data, index=pd.DatetimeIndex(prices.times))
