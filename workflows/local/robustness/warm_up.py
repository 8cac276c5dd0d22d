"""A warm-up, so that compiled code is there before it is asked what of the first real result survives."""

from __future__ import annotations

from backtest import samples
from backtest.robustness import robustness
from backtest.run.request import RunRequest

_SYMBOL = "NASDAQ"
_REQUEST = {
    "symbols": [_SYMBOL],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": {"fast": 10, "slow": 30},
    "start_date": "2018-01-02",
    "end_date": "2018-12-31",
}


def warm_up() -> None:
    """Ask it of a small run once; whatever is loaded or compiled on first use is there afterwards."""
    robustness(RunRequest.parse(_REQUEST), {_SYMBOL: samples.load(_SYMBOL)})
