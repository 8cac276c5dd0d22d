"""What a child does with a study that is being asked for: it executes some of its trials and times them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from backtest import jit
from backtest.errors import BacktestError
from backtest.prices.dataset import Dataset
from backtest.studies.request import StudyLimits, StudyRequest

_CHECKED: Final = StudyLimits(trials=2**62, simulations=2**62)
"""The web has checked what is allowed."""


def answer(data: bytes | bytearray, about: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """The seconds of one processor that the study takes, or why they are not known.

    Parameters
    ----------
    data : the encoded datasets one behind the other, as long as `about["lengths"]` says of each symbol
    """
    if not os.access(jit.cache_root(), os.W_OK):
        # Numba loads compiled code only from where it can write, and a child may write nothing else
        return {"unknown": "the folder of compiled code is read-only or not there yet"}, []
    try:
        return {"seconds": _timed(memoryview(data), about)}, []
    except BacktestError as error:
        return {"unknown": str(error)}, []


def _timed(data: memoryview, about: Mapping[str, Any]) -> float:
    from backtest.studies.execution.estimate import estimate
    from backtest.studies.plan import plan

    datasets, begin = {}, 0
    for symbol, length in about["lengths"].items():
        datasets[symbol] = Dataset.decode(bytes(data[begin : begin + length]))
        begin += length
    return estimate(plan(StudyRequest.parse(about["request"], limits=_CHECKED)), datasets).seconds
