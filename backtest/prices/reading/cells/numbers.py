"""Columns of numbers as exports write them: thousands, currencies, units, per cent, brackets for negatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats
from backtest.prices.problems import Problems
from backtest.prices.reading.cells.columns import Column, cast_texts, compute, flags, is_text, text_bytes
from backtest.prices.reading.cells.plain_numbers import UNITS, in_units, read_plain

MISSING = (
    "",
    "-",
    "--",
    "\u2212",
    "\u2013",
    "\u2014",
    ".",
    "nan",
    "na",
    "n/a",
    "null",
    "none",
    "nil",
    "#n/a",
    "nat",
    "<na>",
    "n.a.",
)
LONGEST = 40
"""Characters that a number may have: longer cells are refused before any pattern meets them."""

_PLAIN = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$"
_GROUPED = r"^[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d*)?$"
"""Groups of three digits, or as India writes them: of two, and three at the end."""
_CURRENCY_BEFORE = r"^([-+(]?)[$€£₩¥]\s?"
_CURRENCY_BEHIND = r"\s?(?:[$€£₩¥]|원|USD|EUR|KRW)(\)?)$"
_SIGNS_OF_GROUPS = "[\\s'’_\u00a0\u2007\u2009\u202f]"
_BLOCK = 1 << 16


def parse_numbers(column: Column, *, decimal: str) -> tuple[Floats, Flags, Flags]:
    """Read a column of (T,) cells.

    Returns
    -------
    (T,) float64 with NaN where a value is missing or unreadable, (T,) missing, (T,) unreadable
    """
    if not is_text(column) or not len(column):
        return _typed(column)
    cast = (
        cast_texts(column, pa.float64()) if decimal == "." else None
    )  # a thousands point would pass for a decimal one
    if cast is not None and np.isfinite(values := np.asarray(cast.to_numpy(zero_copy_only=False))).all():
        nothing = np.zeros(len(values), np.bool_)
        return values, nothing, nothing
    blocks = [_block(column.slice(start, _BLOCK), decimal) for start in range(0, len(column), _BLOCK)]
    values, missing, unreadable = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return values, missing, unreadable


def _block(text: Column, decimal: str) -> tuple[Floats, Flags, Flags]:
    """What can be read by its bytes, and the rest by patterns."""
    values, read = read_plain(text, decimal=decimal)
    missing, unreadable = ~read & (np.diff(text_bytes(text)[1]) == 0), np.zeros(len(read), np.bool_)
    rows = np.flatnonzero(~read & ~missing)
    if len(rows):
        values[rows], missing[rows], unreadable[rows] = _carefully(text.take(rows), decimal)
    return values, missing, unreadable


def refuse_unreadable(
    column: Column,
    unreadable: Flags,
    lines: NDArray[np.int64],
    dates: Sequence[str],
    field: str,
    problems: Problems,
) -> None:
    """Add a problem for each cell that is no number, with its line, date and what it says.

    `lines` and `dates` are those of the unreadable cells that are listed.
    """
    rows = np.flatnonzero(unreadable)
    for row, line, date in zip(rows, lines, dates, strict=False):
        text = str(column[int(row)].as_py())
        shown = repr(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
        message = f"must be a number such as 1234.56, got {shown}"
        problems.add(message, line=int(line), date=date, field=field)
    problems.note_more(max(0, len(rows) - len(lines)))


def _typed(column: Column) -> tuple[Floats, Flags, Flags]:
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
    missing = np.isnan(values)
    return values, missing, np.isinf(values)


def _carefully(column: Column, decimal: str) -> tuple[Floats, Flags, Flags]:
    text = compute.utf8_trim_whitespace(column)
    too_long = flags(compute.greater(compute.utf8_length(text), LONGEST))
    missing = flags(compute.is_in(compute.utf8_lower(text), pa.array(MISSING, text.type)))
    text = compute.if_else(pa.array(too_long | missing), pa.scalar("", text.type), text)
    text = compute.replace_substring_regex(
        text, "^(\\(?)[\u2212\u2013]", r"\1-"
    )  # minus as typesetters write it
    for currency in (_CURRENCY_BEFORE, _CURRENCY_BEHIND):
        text = compute.replace_substring_regex(text, currency, r"\1")
    if decimal == ",":
        text = _with_decimal_point(text)
    text = compute.replace_substring_regex(text, _SIGNS_OF_GROUPS, ",")
    negative = flags(compute.match_substring_regex(text, r"^\(.*\)$"))
    text = compute.replace_substring_regex(text, r"^\((.*)\)$", r"\1")
    text, factor = _without_units(text)
    grouped = flags(compute.match_substring_regex(text, _GROUPED))
    text = compute.if_else(pa.array(grouped), compute.replace_substring(text, ",", ""), text)
    readable = flags(compute.match_substring_regex(text, _PLAIN))
    digits = compute.if_else(pa.array(readable), text, pa.scalar("nan", text.type))
    values = in_units(np.array(digits.cast(pa.float64()).to_numpy(zero_copy_only=False)), factor)
    values[negative] *= -1.0
    unreadable = ~missing & (~readable | ~np.isfinite(values))
    values[missing | unreadable] = np.nan
    return values, missing, unreadable


def _with_decimal_point(text: Column) -> Column:
    """``1.234,5`` as ``1,234.5``: points and commas change places."""
    text = compute.replace_substring(text, ",", "\x00")
    return compute.replace_substring(compute.replace_substring(text, ".", ","), "\x00", ".")


def _without_units(text: Column) -> tuple[Column, Floats]:
    factor = np.ones(len(text))
    last = compute.utf8_upper(compute.utf8_slice_codeunits(text, -1))
    for unit, times in UNITS.items():
        factor[flags(compute.equal(last, unit))] = times
    return compute.replace_substring_regex(text, r"[KMBTkmbt%]$", ""), factor


def is_plain(sample: Column, *, decimal: str) -> bool:
    """Whether every cell of a sample of texts is missing or a number without thousands, currency and unit."""
    text = compute.utf8_lower(compute.utf8_trim_whitespace(sample))
    if decimal == ",":
        text = _with_decimal_point(text)
    missing = compute.is_in(text, pa.array(MISSING, text.type))
    return bool(
        compute.all(compute.or_(missing, compute.match_substring_regex(text, _PLAIN))).as_py() is not False
    )
