"""The trading calendar of a market: which bars make a session, which closes end a period, how many a year has.

All of it is decided by the whole history of the prices, never by the range that a run chooses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from backtest.arrays import Flags, Indices, Ints, Times

LONGER: Final = {"1mo": 12, "3mo": 4, "1y": 1}
WEEKS: Final = 52
TRADING_DAYS: Final = 252
CALENDAR_DAYS: Final = 365

TOLERANCE: Final = 0.1
"""Share by which the counted closes of a year may differ from P before that is said."""
FEWEST_DAYS: Final = 180
"""Days of history below which closes a year are not counted: holidays would decide."""

_DAY: Final = 86_400
_QUIET_SHARE: Final = 0.01
"""A time of day is closed where it has so few bars, measured by the busiest one."""
_SHORTEST_SLOT: Final = 1_800
_SAMPLED: Final = 10_000
_WEEKEND: Final = 36 * 3_600
"""Seconds without a bar after which a week begins anew."""
_STUB: Final = 6 * 3_600
"""Seconds before a weekend that are no session of their own."""


def is_intraday(timeframe: str) -> bool:
    """Whether bars are shorter than a day: seconds, minutes or hours."""
    return timeframe[-1:] in {"s", "m", "h"}


def stamp(time: np.datetime64) -> str:
    """A timestamp as ISO text, without the time of day where that is midnight: 2024-01-02."""
    return str(time).removesuffix("T00:00:00")


def distinct(times: Times) -> Times:
    """The different times in their order: sorted, since the hash table of `np.unique` takes a hundred times as long."""
    ordered = np.sort(times, kind="stable")
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


@dataclass(frozen=True, slots=True)
class Sessions:
    """Which bars within the day belong to one session, as the bars of a market show it.

    Parameters
    ----------
    opens : seconds after midnight, on the clock of the bars, at which a session may begin
    weekly : whether each week opens at a time of its own, from which its sessions are counted by 24 hours
    """

    opens: int = 0
    weekly: bool = False

    @classmethod
    def of(cls, times: Times) -> Self:
        """The sessions of a market: they change where it is closed every day.

        A market that never closes within the week, as foreign exchange, has the sessions of its weeks; one
        that never closes at all has calendar days. Midnight is the change wherever the market is closed then.
        """
        seconds = times.view(np.int64)
        if quiet := _longest_quiet(seconds):
            return cls(0 if quiet[0] <= 0 <= quiet[1] else (quiet[0] + quiet[1]) // 2 % _DAY)
        return cls() if trades_weekends(times) else cls(_usual_opening(seconds), weekly=True)

    def closes(self, times: Times) -> Indices:
        """The first bar and the last one of each session."""
        last = np.append(np.flatnonzero(self._changes(times.view(np.int64))), len(times) - 1)
        return last if last[0] == 0 else np.concatenate((np.zeros(1, np.intp), last))

    def count(self, times: Times) -> int:
        """How many sessions the bars make."""
        return 1 + int(np.count_nonzero(self._changes(times.view(np.int64))))

    def as_json(self) -> dict[str, Any]:
        """The rule, ready for JSON."""
        return {"opens": self.opens, "weekly": self.weekly}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Self:
        """The rule of `as_json`; results that have none were computed on calendar days."""
        return cls(stored["opens"], stored["weekly"]) if stored else cls()

    def _changes(self, seconds: Ints) -> Flags:
        """(T - 1,) whether the next bar is in another session."""
        if self.weekly:
            return self._weekly_changes(seconds)
        days = (seconds - self.opens) // _DAY
        changes: Flags = days[1:] != days[:-1]
        return changes

    def _weekly_changes(self, seconds: Ints) -> Flags:
        first = np.concatenate(([0], np.flatnonzero(np.diff(seconds) > _WEEKEND) + 1))
        opening = seconds[first]
        usual = self.opens if len(first) == 1 else int(opening[1]) % _DAY  # the first week may begin midway
        opening[0] -= (opening[0] - usual) % _DAY
        last = seconds[np.append(first[1:], len(seconds)) - 1]
        number, rest = np.divmod(last - opening, _DAY)
        latest = number - ((rest < _STUB) & (number > 0))
        week = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(seconds))))
        within = np.minimum((seconds - opening[week]) // _DAY, latest[week])
        changes: Flags = (week[1:] != week[:-1]) | (within[1:] != within[:-1])
        return changes


@dataclass(frozen=True, slots=True)
class Year:
    """What a year of a market has, found from the whole history of its bars.

    Parameters
    ----------
    periods : P, closes that end a period, by the market's kind: 252, or 365 where weekends are traded; 52, 12, …
    counted : the same as counted in the history; None where that is too short to count
    bars_per_period : bars of an average period: 1 but for bars within the day
    sessions : how bars within the day make a period; None for longer bars
    """

    periods: int
    counted: float | None
    bars_per_period: float = 1.0
    sessions: Sessions | None = None

    @classmethod
    def of(cls, times: Times, timeframe: str) -> Self:
        """Count a year of the bars at these times, (T,) and strictly increasing."""
        if not is_intraday(timeframe):
            return cls(periods_per_year(times, timeframe), _counted(times, len(times)))
        sessions = Sessions.of(times)
        count = sessions.count(times)
        periods = periods_per_year(times[sessions.closes(times)[1:]], timeframe)
        return cls(periods, _counted(times, count), len(times) / count, sessions)

    @property
    def fits(self) -> bool:
        """Whether the counted closes are those of the market's kind, give or take a tenth."""
        return self.counted is None or abs(self.counted / self.periods - 1.0) <= TOLERANCE

    @property
    def bars(self) -> float:
        """Bars a year, by which a yearly rate is divided: by P, or by the counted closes where P does not fit."""
        closes = self.periods if self.fits or self.counted is None else self.counted
        return closes * self.bars_per_period


def periods_per_year(times: Times, timeframe: str) -> int:
    """Periods that make a year.

    Parameters
    ----------
    times : (n,) datetime64[s], closes that end a period
    timeframe : length of a bar

    Returns
    -------
    252, or 365 where weekends are traded, divided by the days of a bar; 52 divided by its weeks; 12, 4 or 1
    """
    if timeframe in LONGER:
        return LONGER[timeframe]
    if weeks := length_in(timeframe, "w"):
        return math.floor(WEEKS / weeks + 0.5)
    year = CALENDAR_DAYS if trades_weekends(times) else TRADING_DAYS
    return math.floor(year / (length_in(timeframe, "d") or 1) + 0.5)


def length_in(timeframe: str, unit: str) -> int:
    """How many days (unit "d") or weeks ("w") a bar has: 3 of "3d"; 0 of any other unit."""
    match = re.fullmatch(rf"(\d+){unit}", timeframe)
    return int(match[1]) if match else 0


def trades_weekends(times: Times) -> bool:
    """Whether a market has no weekend: each day of the week has at least half of an average day's closes."""
    if len(times) == 0:
        return False
    weekdays = (times.view(np.int64) // _DAY + 3) % 7  # 1970-01-01 was a Thursday
    counts = np.bincount(weekdays, minlength=7)
    return bool(counts[5:].min() >= counts.mean() / 2)


def _counted(times: Times, closes: int) -> float | None:
    days = float((times[-1] - times[0]).astype(np.int64)) / _DAY
    return (closes - 1) / days * 365.25 if days >= FEWEST_DAYS else None


def _longest_quiet(seconds: Ints) -> tuple[int, int] | None:
    """Begin and end of the longest part of the day without bars, in seconds around midnight; None if there is none."""
    steps = np.diff(seconds)[:: 1 + len(seconds) // _SAMPLED]
    usual = int(np.median(steps)) if len(steps) else _DAY
    count = _DAY // max(_SHORTEST_SLOT, min(usual, _DAY // 2))
    slot = _DAY // count
    bars = np.bincount(np.minimum(seconds % _DAY // slot, count - 1), minlength=count)
    busy = np.flatnonzero(bars > _QUIET_SHARE * bars.max())
    quiet = np.diff(np.append(busy, busy[0] + count)) - 1
    longest = int(np.argmax(quiet))
    if quiet[longest] == 0:
        return None
    begin = (int(busy[longest]) + 1) * slot
    end = begin + int(quiet[longest]) * slot
    return (begin - _DAY, end - _DAY) if end >= _DAY else (begin, end)


def _usual_opening(seconds: Ints) -> int:
    """The time of day at which most weeks open, in seconds after midnight."""
    openings = seconds[np.flatnonzero(np.diff(seconds) > _WEEKEND) + 1] % _DAY
    times, counts = np.unique(openings, return_counts=True)
    return int(times[np.argmax(counts)]) if len(times) else 0
