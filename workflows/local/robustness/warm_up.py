"""A warm-up, so that compiled code is there before it is asked what of the first real result survives."""

from __future__ import annotations

from backtest import samples
from backtest.robustness import robustness
from backtest.run.request import RunRequest
from workflows.local.warm_up import REQUEST, SYMBOL


def warm_up() -> None:
    """Ask it of a small run once; whatever is loaded or compiled on first use is there afterwards."""
    robustness(RunRequest.parse(REQUEST), {SYMBOL: samples.load(SYMBOL)})
