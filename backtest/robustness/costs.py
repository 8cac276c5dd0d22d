"""What costs do to a run: its figures at multiples of them, and the cost at which nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from backtest.errors import InvalidRequest
from backtest.metrics.account import Undefined
from backtest.robustness.basis import Basis
from backtest.simulation.config import EngineConfig

MULTIPLES: Final = (0, 1, 2, 3, 5)
SCALED: Final = ("fee_rate", "fee_per_share", "fee_min", "slippage_bps", "borrow_rate")
HIGHEST_BPS: Final = 1_000.0
STEPS: Final = 20
"""Halvings of the range of costs: 1,000 bps / 2^20 is a thousandth of a basis point."""


def multiples(basis: Basis) -> list[dict[str, Any]]:
    """The figures at 0, 1, 2, 3 and 5 times all costs; None where a cost would be out of its bounds."""
    return [{"multiple": multiple, "figures": _figures(basis, multiple)} for multiple in MULTIPLES]


def break_even(basis: Basis) -> dict[str, Any]:
    """The cost in basis points a side, in place of all others, at which the gain and the lead over the benchmark end.

    Each is None where even trading for nothing does not suffice, or where 1,000 bps do not end it.
    """
    benchmark = float(basis.aligned.benchmark[-1]) / float(basis.aligned.benchmark[0])
    return {
        "return": _break_even(basis, 1.0),
        "benchmark": _break_even(basis, benchmark),
    }


def _figures(basis: Basis, multiple: int) -> dict[str, Any] | None:
    try:
        config = replace(basis.config, **{name: getattr(basis.config, name) * multiple for name in SCALED})
    except InvalidRequest:
        return None
    return basis.figures(basis.simulated(config=config))


def _break_even(basis: Basis, growth: float) -> dict[str, Any]:
    left = _left(basis, growth)
    try:
        return {"bps": _last_above(left), "reason": ""}
    except Undefined as undefined:
        return {"bps": None, "reason": str(undefined)}


def _left(basis: Basis, growth: float) -> Callable[[float], float]:
    """How much of the final equity is more than the capital times `growth`, by the cost in bps a side."""
    free = replace(basis.config, fee_per_share=0.0, fee_min=0.0, slippage_bps=0.0, borrow_rate=0.0)

    def left(bps: float) -> float:
        config: EngineConfig = replace(free, fee_rate=bps / 10_000.0)
        return float(basis.simulated(config=config).equity[-1]) - growth * basis.config.initial_capital

    return left


def _last_above(left: Callable[[float], float]) -> float:
    """Where a falling function crosses zero, by halving."""
    if not left(0.0) > 0.0:
        raise Undefined("undefined: nothing is left even without costs")
    if left(HIGHEST_BPS) > 0.0:
        raise Undefined(f"undefined: something is left at {HIGHEST_BPS:,.0f} bps a side")
    low, high = 0.0, HIGHEST_BPS
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if left(middle) > 0.0 else (low, middle)
    return low
