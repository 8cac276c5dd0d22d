"""The rows of prices of a text: between the header and what stands behind the last row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.errors import InvalidFile
from backtest.plural import counted
from backtest.prices.dataset import MAX_BARS
from backtest.prices.reading import headers
from backtest.prices.reading.decoding import MAX_LINE
from backtest.prices.reading.layout import Layout, is_date, is_number, split_line

_LINE_END: Final = ord("\n")
_PORTION: Final = 1 << 22
_BLANK: Final = b"\r\n \t\x1a"
"""What may stand behind the last row and says nothing; the last one ended files of DOS."""
_MOST_BEHIND: Final = 25
_WORDS: Final = re.compile(r"[^\W\d_]{2}|[#*/©-]")
_DATE_IN_WORDS: Final = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}[ .,/-]{1,2}\d",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of prices, the number of their line ends, and in words which lines among and behind were left out."""

    rows: memoryview
    line_ends: int
    left_out: tuple[str, ...] = ()


def find_body(text: memoryview, layout: Layout, file: str) -> Body:
    """The rows of prices of the UTF-8 text, checked for their number and the length of their lines.

    Header lines that stand again among the rows, as where files were joined, become blank lines, so that
    every row keeps its number. Lines of words behind the last row are left out.
    """
    whole = text.obj
    assert isinstance(whole, bytes | bytearray)
    start, stop = len(whole) - len(text), len(whole)
    header = []
    for line in range(1, layout.first_row):
        end = whole.find(b"\n", start)
        end = stop if end < 0 else end
        if line in layout.header_lines:
            header.append(bytes(whole[start:end]).strip())
        start = min(end + 1, stop)
    stop, behind = _last_row(whole, start, _trimmed(whole, start, stop), layout)
    if stop == start:
        raise InvalidFile("there is not a single row of prices", file=file)
    if b', "' in whole[start : start + 10_000]:  # CSV knows no quotes behind a space
        whole, start = whole[start:stop].replace(b', "', b',"'), 0
        stop = len(whole)
    rows, again = memoryview(whole)[start:stop], 0
    if any(line and whole.find(line, start, stop) >= 0 for line in header):
        rows, again = _without_headers(rows, header)
    line_ends = _checked_lines(rows, layout, file)
    told = {"among the rows": again, "behind the last row": behind}
    left_out = tuple(f"{counted(count, 'line')} {where} left out" for where, count in told.items() if count)
    return Body(rows, line_ends, left_out)


def _trimmed(whole: bytes | bytearray, start: int, stop: int) -> int:
    while stop > start and whole[stop - 1] in _BLANK:
        stop -= 1
    return stop


def _last_row(whole: bytes | bytearray, start: int, stop: int, layout: Layout) -> tuple[int, int]:
    """Where the last row of prices ends, and how many lines of words stand behind it."""
    date = headers.find_fields(layout.names).get("date", 0)
    behind = 0
    for _ in range(_MOST_BEHIND):
        begin = whole.rfind(b"\n", start, stop) + 1
        if begin <= start or stop - begin > MAX_LINE:
            break
        cells = split_line(bytes(whole[begin:stop]).decode("utf-8", "replace"), layout.separator)
        if any(cells) and not _is_behind(cells, date, len(layout.names)):
            break
        behind += any(cells)
        stop = _trimmed(whole, start, begin)
    return stop, behind


def _is_behind(cells: Sequence[str], date: int, width: int) -> bool:
    """Whether a last line is no row of prices, not even a broken one.

    Its date is a word without any digit, or missing where few numbers stand; or it is words in too few cells.
    """
    dated = cells[date] if date < len(cells) else cells[0]
    if not dated:
        return sum(map(is_number, cells)) < len(headers.PRICES)
    if not _WORDS.match(dated) or is_date(dated) or _DATE_IN_WORDS.match(dated):
        return False
    return len(cells) < width or not any(map(str.isdigit, dated))


def _without_headers(rows: memoryview, header: Sequence[bytes]) -> tuple[memoryview, int]:
    """The rows with blank lines where a header line stands again, and how often one does."""
    lines = b"|".join(re.escape(line) for line in header if line)
    blanked, count = re.subn(rb"(?m)^(?:" + lines + rb")\r?$", b"", bytes(rows))
    return memoryview(blanked), count


def _checked_lines(body: memoryview, layout: Layout, file: str) -> int:
    """The number of line ends; refuses a line that is too long, and more lines than a dataset has bars.

    Looked at in portions, each from the last line end before it.
    """
    start, line, found = 0, layout.first_row, 0
    while start < len(body):
        ends = np.flatnonzero(np.frombuffer(body[start : start + _PORTION], np.uint8) == _LINE_END)
        last = start + _PORTION >= len(body)
        bounds = np.concatenate(([-1], ends, [len(body) - start] if last else []))
        too_long = np.flatnonzero(np.diff(bounds) - 1 > MAX_LINE)
        if len(too_long) or not (len(ends) or last):
            reason = f"is longer than the {MAX_LINE:,} bytes that a line may have"
            raise InvalidFile(reason, file=file, line=line + (int(too_long[0]) if len(too_long) else 0))
        found += len(ends)
        if found >= MAX_BARS:
            raise InvalidFile(f"has more than the {MAX_BARS:,} rows that are allowed", file=file)
        start, line = (len(body), line) if last else (start + int(ends[-1]) + 1, line + len(ends))
    return found
