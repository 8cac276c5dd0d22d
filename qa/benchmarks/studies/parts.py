"""Where the time between the click and the heatmap goes: the computing parts of a study, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from backtest import samples
from backtest.studies.compute import compute_chunk
from backtest.studies.plan import plan
from backtest.studies.request import StudyRequest
from backtest.studies.result import finish

Result = TypeVar("Result")

_CHUNKS: Final = 8
_REPETITIONS: Final = 5


def measured(raw: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Each part of a study of the bundled S&P 500, and its least processor time in seconds."""
    prices, request = {"SP500": samples.load("SP500")}, StudyRequest.parse(raw)
    planned, seconds = _least(lambda: plan(request))
    yield "plan its trials", seconds
    compute_chunk(request, prices, 0, planned.rows, planned=planned)  # the compiler is not measured
    numbers = range(_CHUNKS)
    parts, seconds = _least(
        lambda: [compute_chunk(request, prices, number, _CHUNKS, planned=planned) for number in numbers]
    )
    yield f"execute them, in {_CHUNKS} chunks", seconds
    yield "encode the chunks", _least(lambda: [part.encode() for part in parts])[1]
    yield "judge: statistics, landscape, the best trial", _least(lambda: finish(request, prices, parts))[1]


def _least(work: Callable[[], Result]) -> tuple[Result, float]:
    """The last result, and the least processor time of some repetitions."""
    least = float("inf")
    for _ in range(_REPETITIONS):
        began = time.process_time()
        result = work()
        least = min(least, time.process_time() - began)
    return result, least
