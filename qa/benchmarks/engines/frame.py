"""Engines that take prices as a data frame."""

from __future__ import annotations

import pandas as pd

from qa.benchmarks.engines.engine import Engine, Prices
from qa.benchmarks.market import Market


def frame(market: Market) -> pd.DataFrame:
    """One symbol: Open, High, Low, Close, Volume by time."""
    names = ("open", "high", "low", "close", "volume")
    columns = {name.capitalize(): getattr(market, name)[:, 0] for name in names}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(market.times))


class FrameEngine(Engine):
    """An engine that is given one symbol as a data frame."""

    def prepare(self, market: Market, fee_rate: float) -> Prices:
        """The prices as a data frame."""
        return Prices(frame(market), fee_rate)
