"""Which day a daily bar belongs to, and how long a bar is, decided by the whole column."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Times
from backtest.prices.dataset import infer_timeframe
from backtest.prices.problems import Problems
from backtest.prices.reading.cells.dates import Stamps
from backtest.prices.reading.options import Question

Seconds = NDArray[np.int64]

DAY: Final = 86_400
HOUR: Final = 3_600
_DAILY_FROM: Final = 20 * HOUR
"""Bars that never follow each other sooner than this are days or longer: clocks move by an hour or two."""
_NOON: Final = 12 * HOUR
_HALF_HOUR: Final = 1_800
_FEWEST_IN_A_PART: Final = 10
_CLASS_FROM: Final = np.array([_DAILY_FROM, 6 * DAY, 25 * DAY])
_COARSER: Final = 5
"""Times that bars of another timeframe within the day are longer, at least."""
_CLASSES: Final = ("intraday", "1d", "1w", "1mo")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The times of the bars, and in words how the file's stamps became them."""

    times: Times
    zone: str


def decide_days(stamps: Stamps, lines: Seconds, problems: Problems) -> Calendar:
    """The (T,) times of the bars: days for bars of a day and longer, moments for shorter ones.

    Days that are written without a clock are days. Daily stamps with a clock become the day of the
    exchange: the local date where an offset is written or the clock is local; for moments in UTC the
    date in UTC, or the next one where the session opens the evening before, or where midnight of a zone
    with summer time is written in UTC.
    """
    seconds = stamps.local % DAY
    if (seconds == 0).all():
        return Calendar(_times(stamps.local), "days of the exchange")
    mixed = stamps.zoned.any() and not stamps.zoned.all()
    if mixed:
        _refuse_mixed(stamps, lines, problems)
    utc = stamps.local - stamps.offset
    if _shortest_step(utc) < _DAILY_FROM:
        words = "moments in UTC" if stamps.zoned.all() else "the clock of the file, taken as it is"
        return Calendar(_times(utc), words)
    local = stamps.local - seconds
    if _is_midnight_of_london(seconds):
        return Calendar(
            _times(local + DAY * (seconds > 0)), "days of the exchange, whose midnight moves with summer time"
        )
    evening = _opens_the_evening_before(local, seconds)
    if evening:
        return Calendar(_times(local + DAY), "days of the exchange; its sessions open the evening before")
    return Calendar(_times(local), "days of the exchange, their clock left out")


def timeframe_parts(times: Times) -> list[tuple[str, int, int]]:
    """Stretches of one timeframe as (name, first bar, after the last): one where nothing changes.

    A stretch has ten bars or more; holidays and gaps within daily bars are no change.
    """
    steps = np.asarray(np.diff(times.view(np.int64)), np.int64)
    if len(steps) < 2 * _FEWEST_IN_A_PART:
        return [("", 0, len(times))]
    kinds = _rolling_median(np.searchsorted(_CLASS_FROM, steps, side="right").astype(np.int8))
    if (kinds == kinds[0]).all():
        return _intraday_parts(times, steps) if kinds[0] == 0 else [("", 0, len(times))]
    bounds = [0, *(np.flatnonzero(kinds[1:] != kinds[:-1]) + 1).tolist(), len(kinds)]
    parts = [(int(kinds[a]), a, b) for a, b in pairwise(bounds)]
    long = [part for part in parts if part[2] - part[1] >= _FEWEST_IN_A_PART]
    merged: list[tuple[int, int, int]] = []
    for kind, start, stop in long:
        if merged and merged[-1][0] == kind:
            merged[-1] = (kind, merged[-1][1], stop)
        else:
            merged.append((kind, start, stop))
    if len(merged) < 2:
        return [("", 0, len(times))]
    edges = [0, *(_edge(steps, a, b) for a, b in pairwise(merged)), len(times)]
    return [(_CLASSES[part[0]], edges[i], edges[i + 1]) for i, part in enumerate(merged)]


def _intraday_parts(times: Times, steps: Seconds) -> list[tuple[str, int, int]]:
    """Two stretches where bars within the day become shorter, or longer, for good; else one.

    All bars of the longer ones lie on a grid that most bars of the others are five times too close for: one
    odd bar, as an early close, or bars of a quiet market that are far from each other, make no such change.
    """
    for newest_first in (False, True):
        ordered = steps[::-1] if newest_first else steps
        grids = np.gcd.accumulate(ordered)
        coarse = int(grids[_FEWEST_IN_A_PART - 1])
        edge = int(np.argmax(grids < coarse))
        behind = ordered[edge:]
        if edge >= _FEWEST_IN_A_PART <= len(behind) and np.median(behind) * _COARSER <= coarse:
            change = len(times) - edge - 1 if newest_first else edge
            bounds = [0, change, len(times)]
            return [(infer_timeframe(times[a:b]), a, b) for a, b in pairwise(bounds)]
    return [("", 0, len(times))]


def question_of_parts(times: Times, parts: list[tuple[str, int, int]]) -> Question:
    """Ask which stretch to keep of a file whose timeframe changes; the last one is the guess."""
    words = ", then ".join(f"{name} from {str(times[start])[:10]}" for name, start, _ in parts)
    choices = tuple(name for name, _, _ in parts)
    return Question(
        "keep_timeframe", f"The timeframe changes: {words}. Which part shall be kept?", choices, choices[-1]
    )


def _times(seconds: Seconds) -> Times:
    return np.ascontiguousarray(seconds).view("datetime64[s]")


def _shortest_step(utc: Seconds) -> int:
    """Seconds between the two closest moments; several symbols of a file share their moments."""
    steps = np.diff(utc)
    if len(steps) and steps.min() <= 0:
        steps = np.diff(np.sort(utc))
        steps = steps[steps > 0]
    return int(steps.min()) if len(steps) else DAY


def _is_midnight_of_london(seconds: Seconds) -> bool:
    """Whether each clock is midnight or, in summer, an hour before it: London's and Lisbon's midnights in UTC."""
    return bool(np.isin(seconds, (0, DAY - HOUR)).all() and (seconds == 0).any())


def _opens_the_evening_before(local: Seconds, seconds: Seconds) -> bool:
    """Whether afternoon clocks on full or half hours mark the next day's session.

    Sessions from Sunday evening to Thursday evening are Monday to Friday; so is midnight in the east
    written in UTC. Where the next day makes more weekend bars, or as many, the day is kept.
    """
    if (seconds < _NOON).any() or (seconds % _HALF_HOUR != 0).any():
        return False
    if len(local) >= 3 and bool((np.diff(np.sort(local)) >= 25 * DAY).all()):
        return bool((_day_of_month(local + DAY) == 1).mean() > 0.5)
    weekdays = (local // DAY + 3) % 7  # 0 is Monday
    here, next_day = np.isin(weekdays, (5, 6)).sum(), np.isin((weekdays + 1) % 7, (5, 6)).sum()
    return bool(next_day < here)


def _day_of_month(seconds: Seconds) -> Seconds:
    days = seconds.view("datetime64[s]").astype("datetime64[D]")
    return np.asarray((days - days.astype("datetime64[M]")).astype(np.int64) + 1)


def _refuse_mixed(stamps: Stamps, lines: Seconds, problems: Problems) -> None:
    odd = np.flatnonzero(stamps.zoned != stamps.zoned[0])
    problems.add(
        "has a time zone where others have none, or the other way round; write all of them alike",
        line=int(lines[odd[0]]), field="date",
    )  # fmt: skip


def _rolling_median(kinds: NDArray[np.int8]) -> NDArray[np.int8]:
    """The middle of five kinds of steps around each, so that one holiday or one gap changes nothing."""
    if (kinds == kinds[0]).all():
        return kinds
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(kinds, 2, mode="edge"), 5)
    return np.asarray(np.partition(windows, 2, axis=1)[:, 2], np.int8)


def _edge(steps: Seconds, before: tuple[int, int, int], after: tuple[int, int, int]) -> int:
    """The first bar of the later stretch: the first one that is followed by a step of its kind for good."""
    low = max(before[1], before[2] - 5)
    for place in range(low, min(len(steps), after[1] + 5)):
        if (np.searchsorted(_CLASS_FROM, steps[place : place + 3], side="right") == after[0]).all():
            return place
    return after[1]
