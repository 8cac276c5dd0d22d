"""What prices went through before they became a dataset: adjusted, repaired, left out, split. Kept with the dataset."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np

from backtest.arrays import Times

RULES: Final = {
    "empty": ("left out", "rows without any price", "row without any price"),
    "incomplete": (
        "left out",
        "rows without open, high, low or close",
        "row without open, high, low or close",
    ),
    "zeros": (
        "left out",
        "rows of zeros, as exports write for holidays",
        "row of zeros, as exports write for a holiday",
    ),
    "halted": (
        "left out",
        "rows without open, high and low: the symbol was halted",
        "row without open, high and low: the symbol was halted",
    ),
    "repeated": ("left out", "rows that repeat the row before", "row that repeats the row before"),
    "no adjusted close": (
        "left out",
        "rows without an adjusted close among rows that have one",
        "row without an adjusted close among rows that have one",
    ),
    "rounding": (
        "repaired",
        "highs and lows that miss open or close by rounding moved onto them",
        "high or low that misses open or close by rounding moved onto it",
    ),
    "widened": (
        "repaired",
        "highs and lows widened to hold open and close",
        "high or low widened to hold open and close",
    ),
}
"""What each rule does to a row, and the rows that it covers: several of them, and a single one."""
LISTED: Final = 20
LONGEST_COLUMN: Final = 80
MOST_ROWS: Final = 10_000_000
"""Rows of a file, each of them repaired by two rules."""
MOST_SPLITS: Final = 1_000
MOST_SHARES: Final = 1_000

_LENGTH: Final = struct.Struct("<I")
_MOST_JSON: Final = 1 << 18


class InvalidOrigin(ValueError):
    """Bytes that no origin was encoded to."""


@dataclass(frozen=True, slots=True, eq=False)
class Repair:
    """Rows to which one rule was applied: (K,) times, ascending, and the first twenty by line and date."""

    rule: str
    times: Times
    examples: tuple[dict[str, Any], ...]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.times)

    @property
    def action(self) -> str:
        """What the rule does: "left out" or "repaired"."""
        return RULES[self.rule][0]

    @property
    def text(self) -> str:
        """The rows that the rule covers, in words that follow their count."""
        return _covered(self.rule, self.count)

    def told(self, count: int) -> str:
        """What was done to so many of the rows: 2 rows without any price: left out."""
        return f"{count:,} {_covered(self.rule, count)}: {self.action}"

    def within(self, first: np.datetime64, last: np.datetime64) -> int:
        """How many of the rows lie between two times, both included."""
        start, stop = np.searchsorted(self.times, first), np.searchsorted(self.times, last, side="right")
        return int(stop - start)

    def as_json(self) -> dict[str, Any]:
        """The repair, ready for JSON."""
        return {
            "rule": self.rule,
            "action": self.action,
            "text": self.text,
            "count": self.count,
            "examples": list(self.examples),
        }


def _covered(rule: str, count: int) -> str:
    _, several, single = RULES[rule]
    return single if count == 1 else several


@dataclass(frozen=True, slots=True)
class Split:
    """`new` shares for `old` ones from the bar of a date on, as 2:1."""

    date: str
    new: int
    old: int

    @property
    def ratio(self) -> str:
        """New shares for old ones: 2:1."""
        return f"{self.new}:{self.old}"

    def as_json(self) -> dict[str, Any]:
        """The split, ready for JSON."""
        return {"date": self.date, "ratio": self.ratio}


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What was done to prices before they were stored.

    Parameters
    ----------
    adjusted_by : the column of adjusted closes by which all four prices are scaled; None where there is none
    repairs : rows that were repaired or left out, by rule
    splits : splits that were applied to the prices, oldest application first
    """

    adjusted_by: str | None = None
    repairs: tuple[Repair, ...] = ()
    splits: tuple[Split, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the prices are the rows of their source."""
        return self.adjusted_by is None and not self.repairs and not self.splits

    @property
    def adjusted(self) -> str | None:
        """How the prices are scaled, in words."""
        return f"open, high, low and close are scaled by {self.adjusted_by}" if self.adjusted_by else None

    @property
    def scales(self) -> list[str]:
        """Everything that makes the prices others than those that were paid, a sentence each."""
        splits = [f"prices before {one.date} are divided for a {one.ratio} split" for one in self.splits]
        return [self.adjusted, *splits] if self.adjusted else splits

    def as_json(self) -> dict[str, Any]:
        """What a data-quality report says of it, ready for JSON."""
        return {
            "adjusted": self.adjusted,
            "repairs": [repair.as_json() for repair in self.repairs],
            "applied_splits": [split.as_json() for split in self.splits],
        }

    def with_split(self, split: Split) -> Origin:
        """The same with one more split applied."""
        return replace(self, splits=(*self.splits, split))

    def encode(self) -> bytes:
        """The origin as bytes, from which `decode` makes the same one again."""
        about = {
            "adjusted_by": self.adjusted_by,
            "repairs": [[repair.rule, repair.count, list(repair.examples)] for repair in self.repairs],
            "splits": [[split.date, split.new, split.old] for split in self.splits],
        }
        head = json.dumps(about, ensure_ascii=False).encode()
        times = b"".join(repair.times.astype("<i8").tobytes() for repair in self.repairs)
        return b"".join((_LENGTH.pack(len(head)), head, zlib.compress(times, level=1)))

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read what `encode` wrote, or raise `InvalidOrigin`; takes no more memory than the rows that it lists."""
        try:
            (length,) = _LENGTH.unpack_from(content)
            about = json.loads(content[_LENGTH.size : _LENGTH.size + min(length, _MOST_JSON)])
            return cls(
                _column(about["adjusted_by"]),
                _repairs(about["repairs"], content[_LENGTH.size + length :]),
                tuple(_split(*each) for each in _list(about["splits"], MOST_SPLITS)),
            )
        except (struct.error, ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
            raise InvalidOrigin(f"what was repaired is not readable: {error}") from error


PLAIN: Final = Origin()
"""Prices that are the rows of their source."""


def _column(name: object) -> str | None:
    if name is None or (isinstance(name, str) and 0 < len(name) <= LONGEST_COLUMN):
        return name
    raise InvalidOrigin("the column of adjusted closes has no name")


def _list(value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidOrigin(f"a list of at most {most} is expected")
    return value


def _repairs(listed: object, packed: bytes) -> tuple[Repair, ...]:
    heads = [_head(*each) for each in _list(listed, len(RULES))]
    counts = [count for _, count, _ in heads]
    if sum(counts) > MOST_ROWS:
        raise InvalidOrigin(f"more than {MOST_ROWS:,} rows are listed")
    size = 8 * sum(counts)
    stream = zlib.decompressobj()
    content = stream.decompress(packed, size + 1)
    if len(content) != size or not stream.eof:
        raise InvalidOrigin("the times of the repairs are not those that are counted")
    times = np.split(np.frombuffer(content, "<i8").astype("datetime64[s]"), np.cumsum(counts)[:-1])
    return tuple(Repair(rule, own, examples) for (rule, _, examples), own in zip(heads, times, strict=False))


def _head(rule: object, count: object, examples: object) -> tuple[str, int, tuple[dict[str, Any], ...]]:
    if rule not in RULES or type(count) is not int or count < 1:
        raise InvalidOrigin("a repair is by no known rule, or counts nothing")
    return str(rule), count, tuple(_example(each) for each in _list(examples, LISTED))


def _example(listed: Mapping[str, Any]) -> dict[str, Any]:
    line, date = listed["line"], listed["date"]
    if type(line) is not int or not re.fullmatch(r"[0-9 :+-]{1,32}", date):
        raise InvalidOrigin("an example has no line and date")
    return {"line": line, "date": date}


def _split(date: str, new: int, old: int) -> Split:
    shares = all(type(count) is int and 1 <= count <= MOST_SHARES for count in (new, old))
    if not shares or not re.fullmatch(r"[0-9T:-]{10,19}", date):
        raise InvalidOrigin("a split has no date and ratio")
    return Split(date, new, old)
