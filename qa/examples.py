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
