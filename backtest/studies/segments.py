"""The bars that trials are simulated on: the range before the hold-out, and the windows of a walk-forward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from backtest.arrays import Times
from backtest.errors import FieldError, InvalidRequest
from backtest.prices.dataset import Dataset
from backtest.run.alignment import Aligned, align
from backtest.run.request import RunRequest
from backtest.studies.request import StudyRequest, WalkForward

MOST_WINDOWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """Bars `train` to `test` choose, `test` to `stop` trade; all count from the first bar of the range."""

    train: int
    test: int
    stop: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Bars `start` up to but not including `stop` of an account's range; trials are simulated on them alone."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class AccountRange:
    """What one account of a study computes on.

    Parameters
    ----------
    selection : the bars that a selection may see, as an ordinary run up to `run.end_date` has them
    segments : the whole of them, then the training bars of each window
    run : the ordinary run of the range; its parameters are those of no trial
    """

    selection: Aligned
    windows: tuple[Window, ...]
    segments: tuple[Segment, ...]
    run: RunRequest


def windows(walk: WalkForward, bars: int) -> tuple[Window, ...]:
    """The windows within so many bars; the last one may test fewer.

    Raises
    ------
    InvalidRequest
        If no test would follow the first training, or there would be too many windows.
    """
    first = walk.train_bars
    if first >= bars:
        message = f"must be fewer than the {bars:,} bars of the range, got {first:,}"
        raise InvalidRequest([FieldError("walk_forward.train_bars", message, first)])
    tests = range(first, bars, walk.test_bars)
    if len(tests) > MOST_WINDOWS:
        message = f"would make {len(tests):,} windows, at most {MOST_WINDOWS:,} are allowed"
        raise InvalidRequest([FieldError("walk_forward.test_bars", message, walk.test_bars)])
    return tuple(
        Window(0 if walk.anchored else test - first, test, min(test + walk.test_bars, bars)) for test in tests
    )


def simulated_bars(walk: WalkForward | None, bars: int) -> int:
    """Bars of all segments of an account that selects on so many: how far the engine runs for each trial."""
    trained = windows(walk, bars) if walk else ()
    return bars + sum(window.test - window.train for window in trained)


def selection_run(request: StudyRequest, run: RunRequest, times: Times) -> RunRequest:
    """The run of the bars before the hold-out, which begins with a day.

    Parameters
    ----------
    times : (T,) the bars of the whole range

    Raises
    ------
    InvalidRequest
        If one of the two parts would be empty.
    """
    if not request.holdout_pct:
        return run
    place = int(np.ceil(len(times) * (1.0 - request.holdout_pct / 100.0)))
    begin = times[min(place, len(times) - 1)].astype("datetime64[D]")
    last = begin - np.timedelta64(1, "D")
    if place >= len(times) or begin <= times[0].astype("datetime64[D]") or last.item() <= run.start_date:
        message = f"must leave bars on both sides, but the range has {len(times):,}"
        raise InvalidRequest([FieldError("holdout_pct", message, request.holdout_pct)])
    return replace(run, end_date=last.item())


def holdout_run(request: StudyRequest, run: RunRequest, selection: RunRequest) -> RunRequest | None:
    """The run of the hold-out; None where there is none."""
    if not request.holdout_pct:
        return None
    begin = np.datetime64(selection.end_date) + np.timedelta64(1, "D")
    return replace(run, start_date=begin.item())


def account_range(
    request: StudyRequest, symbols: tuple[str, ...], datasets: Mapping[str, Dataset]
) -> AccountRange:
    """The bars of one account, its windows and its segments.

    Raises
    ------
    InvalidRequest
        As an ordinary run of these symbols does, or where hold-out or windows do not fit the bars.
    """
    whole = replace(request.run, symbols=symbols)
    aligned = align(whole, datasets)
    run = selection_run(request, whole, aligned.bars.times)
    selection = aligned if run is whole else align(run, datasets)
    count = len(selection.bars)
    found = windows(request.walk_forward, count) if request.walk_forward else ()
    trained = tuple(Segment(window.train, window.test) for window in found)
    return AccountRange(selection, found, (Segment(0, count), *trained), run)
