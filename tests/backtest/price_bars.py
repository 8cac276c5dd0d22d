"""Bars for tests, made from the closes that matter to them."""

import numpy as np

from backtest.prices.bars import Bars
from backtest.prices.dataset import Dataset
from tests.backtest.metric_accounts import weekdays


def bars(close, *, times=None, volume=1_000.0, opened=None, timeframe="1d", symbol="AAA"):
    """Bars of one symbol that open at the close before and reach 1 % beyond both."""
    close = np.array(close, dtype=float)
    opens = np.concatenate((close[:1], close[:-1])) if opened is None else np.array(opened, dtype=float)
    stamps = weekdays(len(close)) if times is None else np.array(times, dtype="datetime64[s]")
    columns = {
        "open": opens,
        "high": np.maximum(opens, close) * 1.01,
        "low": np.minimum(opens, close) * 0.99,
        "close": close,
        "volume": np.broadcast_to(np.array(volume, dtype=float), close.shape),
    }
    columns = {name: np.ascontiguousarray(values).reshape(-1, 1) for name, values in columns.items()}
    return Bars(symbols=(symbol,), times=stamps, timeframe=timeframe, **columns)


def dataset(close, *, symbol="AAA", **rest):
    """A dataset of such bars."""
    prices = bars(close, symbol=symbol, **rest)
    return Dataset(symbol, prices.timeframe, "test", prices)


def walk(count, *, seed=1, step=0.01):
    """Closes of a random walk from 100."""
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, step, count)))
