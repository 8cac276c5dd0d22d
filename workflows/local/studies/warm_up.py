"""A warm-up study, so that the compiler is loaded and compiled code is there before the first real one."""

from __future__ import annotations

from backtest import samples
from backtest.studies.compute import compute_chunk
from backtest.studies.request import StudyRequest
from backtest.studies.result import finish

_SYMBOL = "NASDAQ"
_REQUEST = {
    "symbols": [_SYMBOL],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "space": {"params.fast": [5, 10], "params.slow": [20, 30]},
    "start_date": "2018-01-02",
    "end_date": "2018-12-31",
}


def warm_up() -> None:
    """Execute a small study once; whatever is loaded or compiled on first use is there afterwards."""
    request, prices = StudyRequest.parse(_REQUEST), {_SYMBOL: samples.load(_SYMBOL)}
    finish(request, prices, [compute_chunk(request, prices, 0, 1)])
