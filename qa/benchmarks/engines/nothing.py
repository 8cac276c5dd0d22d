"""The floor of every cold start: the interpreter, NumPy and the prices, but no run."""

from __future__ import annotations

from typing import Any

from qa.benchmarks.engines.engine import Engine
from qa.benchmarks.market import Market


class Nothing(Engine):
    name = "Python and NumPy alone"
    package = "numpy"

    def prepare(self, market: Market, fee_rate: float) -> Any:
        return market

    def single(self, prices: Any, fast: int = 0, slow: int = 0) -> Any:
        return None
