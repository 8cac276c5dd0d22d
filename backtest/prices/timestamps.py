"""Parse dates and times of price files, without guessing between day and month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Ints, Times

ALLOWED = "a date (YYYY-MM-DD), or a date and time (YYYY-MM-DD HH:MM:SS) for intraday bars"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,9}))?)?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
_STYLES = tuple(
    re.compile(day + _CLOCK + _ZONE, re.IGNORECASE | re.ASCII)
    for day in (
        r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
        r"(?P<day>\d{1,2})[- ](?P<name>[a-z]{3,9})[- ,]+(?P<year>\d{4})",
        r"(?P<name>[a-z]{3,9})\.?[- ](?P<day>\d{1,2}),?[- ]+(?P<year>\d{4})",
        r"(?P<first>\d{1,2})([-/.])(?P<second_>\d{1,2})\2(?P<year>\d{4})",
    )
)
_EPOCH = re.compile(r"\d{10}|\d{13}", re.ASCII)
_FULL_NAMES = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
               "october", "november", "december")  # fmt: skip


class ParseError(ValueError):
    """A text that cannot be parsed; the message says what is allowed."""


@dataclass(slots=True)
class TimestampColumn:
    """A column of timestamps that is read in blocks and resolved once all of it has been read.

    Whether 12/31/2018 names the day or the month first is decided by the whole column: one order must
    be impossible. Times with an offset become UTC, unless every one of them is midnight on its local
    clock: then the bars are days of the exchange and stay the days that they are.
    """

    blocks: list[Ints]
    offsets: list[Ints]
    flipped: list[Ints]

    @classmethod
    def empty(cls) -> TimestampColumn:
        """A column of which nothing has been read yet."""
        return cls([], [], [])

    def add(self, timestamps: Sequence[Timestamp]) -> None:
        """Append timestamps that were read one by one."""
        table = np.array([(m.local, m.offset, m.flipped) for m in timestamps], np.int64).reshape(-1, 3)
        self._append(table[:, 0], table[:, 1], table[:, 2])

    def add_local(self, local: Ints) -> None:
        """Append timestamps without offset, in seconds since 1970."""
        self._append(local, np.full(len(local), _NO_OFFSET), local)

    def _append(self, *columns: Ints) -> None:
        for blocks, column in zip((self.blocks, self.offsets, self.flipped), columns, strict=True):
            blocks.append(column)

    def resolve(self) -> tuple[Times, tuple[int, str] | None]:
        """All timestamps, and the first row that cannot be told apart with the reason, or None."""
        local, offset, flipped = map(np.concatenate, (self.blocks, self.offsets, self.flipped))
        slashed = flipped != local
        wrong: tuple[int, str] | None = None
        if slashed.any():
            local, wrong = _ordered(local, flipped, slashed)
        known = offset != _NO_OFFSET
        if known.any() and not known.all():
            wrong = wrong or (int(np.argmax(known != known[0])), "has a time zone, but other rows have none")
        elif known.any() and (local % 86_400 != 0).any():
            local = local - offset
        return local.view("datetime64[s]"), wrong


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Local seconds since 1970, with month first; `flipped` is the same with the day first."""

    local: int
    offset: int
    flipped: int


_NO_OFFSET = 10**6
_WEIGHTS = np.array([1000, 100, 10, 1])
_IMPOSSIBLE = np.iinfo(np.int64).min
_DAY_FIRST_ONLY = "is ambiguous (day or month first)"


def parse_timestamp(text: str) -> Timestamp:
    """Read one date, with or without a time, or raise `ParseError` saying what is allowed."""
    if _EPOCH.fullmatch(text):
        return _since_1970(text)
    for style in _STYLES:
        if match := style.fullmatch(text):
            return _from_parts(text, match.groupdict())
    raise ParseError(f"must be {ALLOWED}, got {_shown(text)}")


def parse_iso_block(cells: Sequence[str]) -> Ints | None:
    """Seconds since 1970 of cells that all look like 2018-12-31 or 2018-12-31 16:30:00, else None."""
    width = len(cells[0])
    if width not in (10, 16, 19):
        return None
    try:
        letters = np.array(cells, "S20").view(np.uint8).reshape(len(cells), 20)
    except UnicodeEncodeError:
        return None
    if not _is_iso(letters, width):
        return None
    year, month, day, hour, minute, second = (
        letters[:, start:stop] @ _WEIGHTS[start - stop :] - 48 * _WEIGHTS[start - stop :].sum()
        if stop <= width
        else np.zeros(len(cells), np.int64)
        for start, stop in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))
    )
    months = (year - 1970) * 12 + month - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").view(np.int64)
    last = (months + 1).astype("datetime64[M]").astype("datetime64[D]").view(np.int64)
    clock_fits = (hour < 24) & (minute < 60) & (second < 60)
    day_fits = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= last - first)
    if not (day_fits & clock_fits).all():
        return None
    return np.asarray((first + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second, np.int64)


def _is_iso(letters: NDArray[np.uint8], width: int) -> bool:
    for place, sign in enumerate("0000-00-00 00:00:00"[:width]):
        column = letters[:, place]
        if sign == "0":
            fits = (column >= 48) & (column <= 57)
        elif sign == " ":
            fits = (column == 32) | (column == 84)
        else:
            fits = column == ord(sign)
        if not fits.all():
            return False
    return not letters[:, width:].any()


def _from_parts(text: str, parts: dict[str, str | None]) -> Timestamp:
    offset = _offset(parts.get("zone"))
    if parts.get("first"):
        month_first = _seconds(parts, parts["first"], parts["second_"])
        day_first = _seconds(parts, parts["second_"], parts["first"])
        if month_first is None and day_first is None:
            raise ParseError(f"is not a calendar day, got {_shown(text)}")
        first, second = (_IMPOSSIBLE if seconds is None else seconds for seconds in (month_first, day_first))
        return Timestamp(first, offset, second)
    month = parts.get("month") or _month_number(text, parts.get("name") or "")
    local = _seconds(parts, month, parts["day"])
    if local is None:
        raise ParseError(f"is not a calendar day, got {_shown(text)}")
    return Timestamp(local, offset, local)


def _seconds(parts: dict[str, str | None], month: str | None, day: str | None) -> int | None:
    year, hour, minute, second = (int(parts[name] or 0) for name in ("year", "hour", "minute", "second"))
    if int(parts.get("part") or 0):
        return None
    try:
        timestamp = datetime(year, int(month or 0), int(day or 0), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(timestamp.timestamp())


def _month_number(text: str, name: str) -> str:
    lower = name.lower()
    if lower in _FULL_NAMES or lower in _MONTHS or lower == "sept":
        return str(_MONTHS.index(lower[:3]) + 1)
    raise ParseError(f"must be {ALLOWED}, got {_shown(text)}")


def _offset(zone: str | None) -> int:
    if not zone:
        return _NO_OFFSET
    if zone.upper() in ("Z", "UTC"):
        return 0
    away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return int((away if zone[0] == "+" else -away).total_seconds())


def _since_1970(text: str) -> Timestamp:
    if len(text) == 13 and not text.endswith("000"):
        raise ParseError(f"must be a whole second, got {_shown(text)}")
    seconds = int(text[:10])
    return Timestamp(seconds, 0, seconds)


def _ordered(month_first: Ints, day_first: Ints, slashed: Flags) -> tuple[Ints, tuple[int, str] | None]:
    month_fits, day_fits = (month_first != _IMPOSSIBLE).all(), (day_first != _IMPOSSIBLE).all()
    if month_fits != day_fits:
        return (month_first if month_fits else day_first), None
    row = int(np.argmax(slashed))
    reason = _DAY_FIRST_ONLY if month_fits else "has the day first in some rows and the month first in others"
    known = np.where(month_first != _IMPOSSIBLE, month_first, day_first)
    return known, (row, f"{reason}; write dates as YYYY-MM-DD")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
