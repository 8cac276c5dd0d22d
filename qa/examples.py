"""Requests that tests and tools submit."""

from __future__ import annotations

from typing import Any

REQUEST: dict[str, Any] = {
    "symbols": ["SP500"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": {"fast": 10, "slow": 30},
    "start_date": "2017-01-03",
    "end_date": "2018-12-31",
    "fee_rate": 0.001,
    "slippage_bps": 0,
}
TEN_YEARS = REQUEST | {
    "start_date": "2009-01-02",
    "initial_capital": 100000,
    "size_type": "percent",
    "size": 100,
}
