"""Compile ahead of time whatever a compiled run, a sweep or a batch needs: ``python -m backtest.precompile``."""

from __future__ import annotations

import sys
import time

import numpy as np

from backtest.arrays import Floats, Times
from backtest.prices.bars import Bars
from backtest.prices.dataset import make_dataset
from backtest.rules import build
from backtest.simulation import curves
from backtest.simulation.config import EngineConfig
from backtest.simulation.simulate import simulate


def warm_up(*, studies: bool = True) -> None:
    """Compile the engine and what a single run calls, and with `studies` the kernel of sweeps and batches."""
    price = np.array([[10.0], [11.0], [9.0], [12.0], [8.0]])
    times = np.arange(5).astype("datetime64[D]").astype("datetime64[s]")
    bars, config = Bars(("X",), times, price, price, price, price, price), EngineConfig()
    simulate(bars, np.array([1.0, 0.0, 1.0, 0.0, 1.0]), config, backend="jit")
    curves.below_peak(price[:, 0])
    cross = build("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2})
    cross.target(bars)
    if studies:
        from backtest.studies.sweep import batch, sweep  # loads the compiler

        sweep(bars, "MOVING_AVERAGE_CROSS", {"fast": [1], "slow": [2, 3]}, config)
        sweep(bars, "BUY_AND_HOLD", {}, config)
        batch([bars, bars], cross, config)
        pair = np.hstack((price, price))
        cross.target(Bars(("X", "Y"), times, pair, pair, pair, pair, pair))
        _execute_studies(times, price[:, 0])


def _execute_studies(times: Times, price: Floats) -> None:
    """Execute a study of each kind of rule that has a kernel of its own."""
    from backtest.studies.compute import compute_chunk
    from backtest.studies.request import StudyRequest

    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), price)
    prices = {"X": make_dataset("X", times, columns, source="")}
    days = {"start_date": "1970-01-01", "end_date": "1971-01-01"}
    for rule in ("RSI", "RSI_MACD", "MACD", "BOLLINGER_BANDS"):
        raw = {"symbols": ["X"], "rule_type": rule, "space": {"size": [100]}} | days
        compute_chunk(StudyRequest.parse(raw), prices, 0, 1)


def main() -> int:
    """Compile everything that a compiled run needs; prints how long it took."""
    began = time.perf_counter()
    warm_up(studies="--kernel-only" not in sys.argv[1:])
    sys.stdout.write(f"compiled in {time.perf_counter() - began:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
