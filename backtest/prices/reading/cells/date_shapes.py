"""Cells of dates by their shape: one cell of each shape is understood by a pattern, the others by their place in it.

A column of a million dates has a handful of shapes, as ``dd.dd.dddd dd:dd``. Cells of one shape have their
digits at the same places, so that all of them are read at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags
from backtest.prices.reading.cells.columns import Bytes, Column, by_length
from backtest.prices.reading.cells.day_order import full_year

Parts = Mapping[str, NDArray[np.int32]]

LONGEST: Final = 80
"""Characters that a date may have: longer cells are refused before any pattern meets them."""
UNREAD: Final = -1

_WEEKDAY = r"(?:(?P<w>[A-Za-z]{3,9}),? +)?"
_NAME_OF_DAY = r"(?: ?\((?:[A-Za-z]{3,9}|[월화수목금토일])\)| [월화수목금토일]요일)?"
_CLOCK = (
    r"(?:[T ,]+(?:(?P<k>오전|오후|[AaPp][Mm]) ?)?(?P<H>\d{1,2}):?(?P<M>\d{2})(?::?(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?)?"
)
_HOURS_AHEAD: Final = {
    "EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "BST": 1, "CEST": 2, "CET": 1, "MSK": 3,
    "SGT": 8, "HKT": 8, "KST": 9, "JST": 9, "AEST": 10, "AEDT": 11,
}  # fmt: skip
"""Zones whose short names mean one of them alone: CST and IST do not."""
_ZONE = rf" ?(?:(?:GMT|UTC)(?=[+-]))?(?P<z>Z|z|UTC|GMT|{'|'.join(_HOURS_AHEAD)}|[+-]\d{{2}}:?\d{{2}})?"
_END = _CLOCK + _ZONE + r"(?: ?\([A-Za-z ]{1,40}\))?$"
_YEAR = r"(?P<y>\d{4}|\d{2})"
_TWO = r"(?P<a>\d{1,2})[-/. ]+(?P<b>\d{1,2})[-/. ]+"
_KOREAN = r"(?P<y>\d{4})년 ?(?P<m>\d{1,2})월 ?(?P<d>\d{1,2})일"
_STYLES: Final = {
    "YYYY-MM-DD": r"^" + _WEEKDAY + r"(?P<y>\d{4})[-/. ]+(?P<m>\d{1,2})[-/. ]+(?P<d>\d{1,2})\.?" + _NAME_OF_DAY + _END,
    "YYYYMMDD": r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})" + _END,
    "YYYYMMDDhhmmss": r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?$",
    "DD Mon YYYY": r"^" + _WEEKDAY + r"(?P<d>\d{1,2})[-/. ]+(?P<n>[A-Za-z]{3,9})[-/., ]+" + _YEAR + _END,
    "Mon DD, YYYY": r"^" + _WEEKDAY + r"(?P<n>[A-Za-z]{3,9})[-/. ]+(?P<d>\d{1,2}),?[-/ ]+" + _YEAR + _END,
    "two numbers and the year": r"^" + _WEEKDAY + _TWO + r"(?P<c>\d{4})\.?" + _END,
    "three numbers of two digits": r"^" + _WEEKDAY + _TWO + r"(?P<c>\d{2})\.?" + _END,
    "YYYY년 M월 D일": r"^" + _KOREAN + _NAME_OF_DAY + _END,
    "YYYY-MM": r"^(?P<y>\d{4})[-/](?P<m>\d{1,2})$",
    "YYYYMM": r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})$",
    "Mon YYYY": r"^(?P<n>[A-Za-z]{3,9})[- ](?P<y>\d{4})$",
}  # fmt: skip
STYLES: Final = tuple(_STYLES)
UNORDERED: Final = {
    STYLES.index("two numbers and the year"): False,
    STYLES.index("three numbers of two digits"): True,
}
"""Styles that leave the order of day and month open, and whether their years have two digits."""


def _as_bytes(pattern: str) -> str:
    """The pattern for texts of a character a byte, as cells are read."""
    choice = re.sub(r"\[([^]\x00-\x7f]+)\]", lambda found: f"(?:{'|'.join(found[1])})", pattern)
    return choice.encode().decode("latin-1")


_PATTERNS: Final = tuple(
    (style, re.compile(_as_bytes(pattern), re.ASCII)) for style, pattern in enumerate(_STYLES.values())
)

_BLOCK: Final = 1 << 16
_MOST_SHAPES: Final = 2_000
_DIGIT, _LETTER = 1, 2
_MONTHS: Final = {
    int.from_bytes(name.encode(), "big"): number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_MONTH_KEYS: Final = np.array(sorted(_MONTHS), np.int32)
_MONTH_NUMBERS: Final = np.array([_MONTHS[key] for key in sorted(_MONTHS)], np.int32)
_LOWER: Final = 0x20


def _codes() -> Bytes:
    """What each byte is in a shape: a digit, a letter, or itself."""
    codes = np.arange(256, dtype=np.uint8)
    codes[ord("0") : ord("9") + 1] = _DIGIT
    codes[ord("A") : ord("Z") + 1] = codes[ord("a") : ord("z") + 1] = _LETTER
    return codes


_CODES: Final = _codes()


@dataclass(frozen=True, slots=True)
class Written:
    """A (T,) column of dates in its parts.

    Parameters
    ----------
    style : place of each cell's style in `STYLES`, `UNREAD` where it has none
    parts : year, month, day; or `a`, `b` and `c`, three numbers whose order is open; 0 where a cell has none
    clock, offset : seconds since midnight, and ahead of UTC
    zoned : whether a zone is written
    wrong : whether the clock is none that can be, or has fractions of a second
    """

    style: NDArray[np.int8]
    parts: Parts
    clock: NDArray[np.int32]
    offset: NDArray[np.int32]
    zoned: Flags
    wrong: Flags


@dataclass(frozen=True, slots=True)
class _Shape:
    """One shape and where its parts stand; its style is `UNREAD` where it is none of a date."""

    code: bytes
    style: int
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    letters: Mapping[int, int] = field(default_factory=dict)
    zone: bytes = b""
    half: str = ""
    """The half of the day, as AM or 오후 say it; empty where the clock has 24 hours."""


def read_shapes(text: Column) -> Written:
    """Read every cell of a column of texts without spaces around them."""
    count = len(text)
    written = Written(
        np.full(count, UNREAD, np.int8), {name: np.zeros(count, np.int32) for name in "ymdabc"},
        np.zeros(count, np.int32), np.zeros(count, np.int32), np.zeros(count, np.bool_), np.zeros(count, np.bool_),
    )  # fmt: skip
    known: dict[int, list[_Shape]] = {}
    for start in range(0, count, _BLOCK):
        for rows, cells in by_length(text.slice(start, _BLOCK), LONGEST):
            _read_alike(cells, rows + start, known, written)
    return written


def _read_alike(
    cells: Bytes, rows: NDArray[np.intp], known: dict[int, list[_Shape]], written: Written
) -> None:
    """Read the cells of one length, shape by shape."""
    length = cells.shape[1]
    shapes = known.setdefault(length, [])
    codes = np.ascontiguousarray(_CODES[cells]).view(f"S{length}")[:, 0]
    place = 0
    while len(rows):
        if place == len(shapes):
            if sum(map(len, known.values())) >= _MOST_SHAPES:
                return
            shapes.append(_shape_of(cells[0].tobytes(), bytes(codes[0])))
        shape = shapes[place]
        fits = codes == np.bytes_(shape.code)
        for at, letter in shape.letters.items():
            fits &= cells[:, at] == letter
        if fits.all():
            _take(shape, cells, rows, written)
            return
        if fits.any():
            _take(shape, cells[fits], rows[fits], written)
            cells, rows, codes = cells[~fits], rows[~fits], codes[~fits]
        place += 1


def _shape_of(cell: bytes, code: bytes) -> _Shape:
    for style, pattern in _PATTERNS:
        match = pattern.match(cell.decode("latin-1"))
        if match:
            spans = {name: match.span(name) for name, value in match.groupdict().items() if value is not None}
            free = {at for name in ("n", "w") if name in spans for at in range(*spans[name])}
            letters = {at: cell[at] for at in range(len(cell)) if code[at] == _LETTER and at not in free}
            zone, half = (
                cell[slice(*spans.get(name, (0, 0)))] for name in ("z", "p" if "p" in spans else "k")
            )
            return _Shape(code, style, spans, letters, zone, half.decode())
    letters = {at: cell[at] for at in range(len(cell)) if code[at] == _LETTER}
    return _Shape(code, UNREAD, letters=letters)


def _take(shape: _Shape, cells: Bytes, rows: NDArray[np.intp], written: Written) -> None:
    """Take the parts of all cells of one shape."""
    if shape.style == UNREAD:
        return
    written.style[rows] = shape.style
    numbers = {name: _number(cells, *span) for name, span in shape.spans.items() if name not in "nkpwz"}
    if "y" in numbers and "d" not in numbers:
        numbers["d"] = np.ones(len(cells), np.int32)
    if "n" in shape.spans:
        numbers["m"] = _month(cells, shape.spans["n"][0])
    if "y" in numbers and shape.spans["y"][1] - shape.spans["y"][0] == 2:
        numbers["y"] = full_year(numbers["y"])
    for name in written.parts.keys() & numbers.keys():
        written.parts[name][rows] = numbers[name]
    if "H" in numbers:
        _take_clock(shape, numbers, rows, written)
    if shape.zone:
        written.zoned[rows] = True
        written.offset[rows] = _offset(shape, cells)


def _take_clock(shape: _Shape, numbers: Parts, rows: NDArray[np.intp], written: Written) -> None:
    hours, minutes = numbers["H"], numbers["M"]
    seconds = numbers.get("S", np.zeros_like(hours))
    wrong = (hours > 23) | (minutes > 59) | (seconds > 59)
    if "f" in numbers:
        wrong |= numbers["f"] > 0
    if shape.half:
        afternoon = shape.half == "오후" or shape.half[0] in "pP"
        wrong |= (hours > 12) & (not afternoon)
        hours = hours % 12 + 12 * afternoon
    written.clock[rows] = hours * 3_600 + minutes * 60 + seconds
    written.wrong[rows] = wrong


def _number(cells: Bytes, start: int, stop: int) -> NDArray[np.int32]:
    """The digits of a span as a number."""
    number = np.zeros(len(cells), np.int32)
    for place in range(start, stop):
        number = number * 10 + (cells[:, place] - ord("0"))
    return number


def _month(cells: Bytes, start: int) -> NDArray[np.int32]:
    """Month numbers of English names; 0 for what is none."""
    key = np.zeros(len(cells), np.int32)
    for place in range(start, start + 3):
        key = key * 256 + (cells[:, place] | _LOWER)
    at = np.searchsorted(_MONTH_KEYS, key).clip(max=len(_MONTH_KEYS) - 1)
    return np.where(_MONTH_KEYS[at] == key, _MONTH_NUMBERS[at], 0)


def _offset(shape: _Shape, cells: Bytes) -> NDArray[np.int32]:
    """Seconds ahead of UTC."""
    start, stop = shape.spans["z"]
    if shape.zone[:1] not in (b"+", b"-"):
        return np.full(len(cells), _HOURS_AHEAD.get(shape.zone.decode(), 0) * 3_600, np.int32)
    seconds = _number(cells, start + 1, start + 3) * 3_600 + _number(cells, stop - 2, stop) * 60
    return -seconds if shape.zone[:1] == b"-" else seconds
