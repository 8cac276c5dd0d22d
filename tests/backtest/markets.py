"""Small hand-made markets, and random ones, for the tests of the engine."""

from __future__ import annotations

import numpy as np

from backtest.prices.bars import Bars
from backtest.simulation.config import EngineConfig
from backtest.simulation.simulate import Simulation, simulate

NAN = float("nan")


def bars(*rows: tuple[float, float, float, float]) -> Bars:
    """One symbol; each row is open, high, low, close."""
    return portfolio(A=rows)


def portfolio(**symbols: tuple[tuple[float, float, float, float], ...]) -> Bars:
    """Several symbols; each a sequence of rows of open, high, low, close."""
    table = np.array(list(symbols.values()), dtype=np.float64)
    columns = [np.ascontiguousarray(table[:, :, column].T) for column in range(4)]
    count = table.shape[1]
    times = np.datetime64("2024-01-01", "s") + np.arange(count) * np.timedelta64(86_400, "s")
    return Bars(tuple(symbols), times, *columns, np.full((count, len(symbols)), 1_000.0))


def flat(*prices: float) -> tuple[tuple[float, float, float, float], ...]:
    """Bars that stand still at one price each."""
    return tuple((price, price, price, price) for price in prices)


def costless(**settings: object) -> EngineConfig:
    """Settings without fee and slippage unless said otherwise."""
    return EngineConfig(**{"fee_rate": 0.0, "slippage_bps": 0.0, **settings})


def traded(market: Bars, target: list, **settings: object) -> Simulation:
    """Simulate with a capital of 1,000 and no costs unless said otherwise."""
    chosen = {"initial_capital": 1_000.0, "direction": "long_short", **settings}
    targets = np.array(target, dtype=np.float64)
    return simulate(market, targets, costless(**chosen), backend="interpreted")


def random_market(random: np.random.Generator, count: int, width: int) -> Bars:
    """A wild market: gaps, wide ranges, ties."""
    step = random.choice([0.005, 0.05, 0.25])
    close = np.maximum(100.0 * np.exp(np.cumsum(random.normal(0.0, step, (count, width)), axis=0)), 0.01)
    before = np.vstack([close[:1], close[:-1]])
    opening = before * np.exp(random.normal(0.0, step / 2, (count, width)))
    high = np.maximum(opening, close) * (1.0 + np.abs(random.normal(0.0, step / 2, (count, width))))
    low = np.minimum(opening, close) * (
        1.0 - np.minimum(0.9, np.abs(random.normal(0, step / 2, (count, width))))
    )
    if random.random() < 0.5:
        opening, high, low, close = (
            np.maximum(np.round(values), 1.0) for values in (opening, high, low, close)
        )
    times = np.datetime64("2000-01-03", "s") + np.arange(count) * np.timedelta64(86_400, "s")
    names = tuple(f"S{column}" for column in range(width))
    arrays = [np.ascontiguousarray(values) for values in (opening, high, low, close)]
    return Bars(names, times, *arrays, np.ones((count, width)))


def random_target(random: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Targets of every kind: whole, fractions, unchanged for long, NaN."""
    values = random.choice([-1.0, -0.5, 0.0, 0.25, 0.6, 1.0, NAN], size=(count, width))
    keep = random.random((count, width)) < random.choice([0.0, 0.5, 0.9])
    for bar in range(1, count):
        values[bar] = np.where(keep[bar], values[bar - 1], values[bar])
    return values


def random_config(random: np.random.Generator, **fixed: object) -> EngineConfig:
    """Any settings that the engine allows, each option off about half of the time."""

    def maybe(*values: float, off: float | None = 0.0) -> float | None:
        return off if random.random() < 0.5 else float(random.choice(values))

    kind = random.choice(["percent", "percent", "value", "shares"])
    sizes = {"percent": [100.0, 50.0, 250.0], "value": [500.0, 20_000.0], "shares": [7.0, 1_000.0]}
    chosen = {
        "initial_capital": float(random.choice([300.0, 10_000.0, 1e6])),
        "fee_rate": maybe(0.001, 0.03),
        "fee_per_share": maybe(0.01, 0.5),
        "fee_min": maybe(1.0, 25.0),
        "slippage_bps": maybe(5.0, 300.0),
        "size_type": str(kind),
        "size": float(random.choice(sizes[kind])),
        "fractional": bool(random.random() < 0.5),
        "direction": str(random.choice(["long_only", "long_short", "long_short", "short_only"])),
        "fill": str(random.choice(["next_open", "close"])),
        "stop_loss_pct": maybe(1.0, 5.0, 30.0, off=None),
        "take_profit_pct": maybe(1.0, 5.0, 30.0, off=None),
        "trailing_stop_pct": maybe(1.0, 5.0, 30.0, off=None),
        "borrow_rate": maybe(0.05, 2.0),
        "periods_per_year": 252.0,
    }
    return EngineConfig(**{**chosen, **fixed})
