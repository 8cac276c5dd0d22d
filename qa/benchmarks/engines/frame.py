"""Prices as the data frame that most peers want."""

from __future__ import annotations

import pandas as pd

from qa.benchmarks.market import Market


def frame(market: Market) -> pd.DataFrame:
    """One symbol: Open, High, Low, Close, Volume by time."""
    names = ("open", "high", "low", "close", "volume")
    columns = {name.capitalize(): getattr(market, name)[:, 0] for name in names}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(market.times))
