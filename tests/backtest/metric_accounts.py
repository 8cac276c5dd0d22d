"""Accounts for the tests of the metrics, made from the numbers that matter to them."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtest.metrics import Account

GOLDEN_EQUITY = [100000, 101000, 99500, 100500, 102500, 98000, 97500, 99000, 103000, 102000, 104500]
GOLDEN_BENCHMARK = [50, 50.5, 50.25, 50, 51, 50, 49.5, 50, 51.5, 51, 52]
GOLDEN_PNL = [1200, -800, 500, -300, 900]
GOLDEN_DAYS = [
    "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09",
    "2024-01-10", "2024-01-11", "2024-01-12", "2024-01-15", "2024-01-16",
]  # fmt: skip


@dataclass
class Trades:
    symbol: np.ndarray
    side: np.ndarray
    size: np.ndarray
    entry_bar: np.ndarray
    exit_bar: np.ndarray
    entry_fill: np.ndarray
    exit_fill: np.ndarray
    entry_fee: np.ndarray
    exit_fee: np.ndarray
    slippage: np.ndarray
    borrow: np.ndarray
    pnl: np.ndarray
    pnl_pct: np.ndarray
    bars_held: np.ndarray
    mae_pct: np.ndarray
    mfe_pct: np.ndarray
    exit_reason: np.ndarray


def trades(pnl=(), **columns):
    """Long trades of one share with these profits; every other column is 0 unless given."""
    count = len(pnl)
    values = {name: np.zeros(count) for name in Trades.__dataclass_fields__}
    for name in ("symbol", "entry_bar", "exit_bar", "exit_reason"):
        values[name] = np.zeros(count, dtype=np.int64)
    values |= {"side": np.ones(count), "size": np.ones(count), "pnl": np.array(pnl, dtype=float)}
    return Trades(**(values | {name: np.array(column) for name, column in columns.items()}))


def weekdays(count, first="2024-01-02"):
    """That many days without weekends."""
    return np.busday_offset(first, np.arange(count), roll="forward").astype("datetime64[s]")


def account(equity, *, times=None, pnl=(), closed=None, **rest):
    """An account on weekdays."""
    equity = np.array(equity, dtype=float)
    stamps = weekdays(len(equity)) if times is None else np.array(times, dtype="datetime64[s]")
    benchmark = rest.pop("benchmark", None)
    return Account(
        times=stamps,
        equity=equity,
        trades=trades(pnl) if closed is None else closed,
        benchmark=None if benchmark is None else np.array(benchmark, dtype=float),
        **rest,
    )


def golden(**rest):
    """The account of the golden vector."""
    vector = {"times": GOLDEN_DAYS, "pnl": GOLDEN_PNL, "benchmark": GOLDEN_BENCHMARK}
    return account(GOLDEN_EQUITY, **(vector | rest))


PRICES = st.floats(min_value=1e-3, max_value=1e6)
MONEY = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def accounts(draw):
    """Any account whatever: huge, tiny, negative after the first, a bar or many, trades or none."""
    count = draw(st.integers(1, 40))
    equity = draw(arrays(float, count, elements=MONEY))
    equity[0] = draw(st.floats(min_value=1e-6, max_value=1e12))
    pnl = draw(arrays(float, st.integers(0, 8), elements=MONEY))
    closed = trades(pnl, pnl_pct=pnl, entry_fee=abs(pnl), entry_fill=abs(pnl), bars_held=abs(pnl))
    benchmark = draw(st.none() | arrays(float, count, elements=PRICES))
    timeframe = draw(st.sampled_from(["1d", "1h", "1w"]))
    held = draw(arrays(bool, count))
    rate = draw(st.floats(0, 0.5))
    return account(
        equity, closed=closed, benchmark=benchmark, timeframe=timeframe, held=held, risk_free_rate=rate
    )
