"""Requests that tests and tools submit."""

from __future__ import annotations

from typing import Any

MINIMAL: dict[str, Any] = {
    "symbols": ["SP500"], "rule_type": "MOVING_AVERAGE_CROSS", "params": {"fast": 10, "slow": 30},
    "start_date": "2009-01-02", "end_date": "2018-12-31",
}  # fmt: skip
TEN_YEARS = MINIMAL | {
    "initial_capital": 100000, "fee_rate": 0.001, "slippage_bps": 0, "size_type": "percent", "size": 100,
}  # fmt: skip
REQUEST = MINIMAL | {"start_date": "2017-01-03", "fee_rate": 0.001, "slippage_bps": 0}


def sweep(fast: tuple[int, int, int], slow: tuple[int, int, int]) -> dict[str, Any]:
    """A study of the example's rule over its ten years: from, to and step of both averages."""
    ranges = {"params.fast": fast, "params.slow": slow}
    space = {name: dict(zip(("from", "to", "step"), ends, strict=True)) for name, ends in ranges.items()}
    return {name: value for name, value in MINIMAL.items() if name != "params"} | {"space": space}


SMALL_STUDY = sweep((2, 21, 1), (30, 105, 5))
MILLION = {
    "symbols": ["SP500"],
    "start_date": "2009-01-02",
    "end_date": "2018-12-31",
    "rule_type": "RSI",
    "space": {
        "params.period": {"from": 2, "to": 101, "step": 1},
        "params.oversold": {"from": 5, "to": 44.6, "step": 0.4},
        "params.overbought": {"from": 55, "to": 94.6, "step": 0.4},
    },
}
"""A study of a million trials."""
