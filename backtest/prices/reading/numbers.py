"""Columns of numbers as exports write them: thousands, currencies, units, per cent, brackets for negatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats
from backtest.prices.problems import Problems
from backtest.prices.reading.columns import Column, compute, flags

MISSING = ("", "-", "--", ".", "nan", "na", "n/a", "null", "none", "nil", "#n/a", "nat", "<na>", "n.a.")
LONGEST = 40
"""Characters that a number may have: longer cells are refused before any pattern meets them."""

_PLAIN = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$"
_GROUPED = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def parse_numbers(column: Column, *, decimal: str) -> tuple[Floats, Flags, Flags]:
    """Read a column of (T,) cells.

    Returns
    -------
    (T,) float64 with NaN where a value is missing or unreadable, (T,) missing, (T,) unreadable
    """
    if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
        return _typed(column)
    values = _cast(column) if decimal == "." else None  # a thousands point would pass for a decimal one
    if values is not None and np.isfinite(values).all():
        nothing = np.zeros(len(values), np.bool_)
        return values, nothing, nothing
    return _carefully(column, decimal)


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


def _cast(column: Column) -> Floats | None:
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None


def _carefully(column: Column, decimal: str) -> tuple[Floats, Flags, Flags]:
    text = compute.utf8_trim_whitespace(column)
    too_long = flags(compute.greater(compute.utf8_length(text), LONGEST))
    missing = flags(compute.is_in(compute.utf8_lower(text), pa.array(MISSING, text.type)))
    text = compute.if_else(pa.array(too_long | missing), pa.scalar("", text.type), text)
    text = compute.replace_substring_regex(text, "[$€£₩¥\\s'\u00a0\u202f]|(?:원|USD|EUR|KRW)$", "")
    if decimal == ",":
        text = _with_decimal_point(text)
    negative = flags(compute.match_substring_regex(text, r"^\(.*\)$"))
    text = compute.replace_substring_regex(text, r"^\((.*)\)$", r"\1")
    text, factor = _without_units(text)
    grouped = flags(compute.match_substring_regex(text, _GROUPED))
    text = compute.if_else(pa.array(grouped), compute.replace_substring(text, ",", ""), text)
    readable = flags(compute.match_substring_regex(text, _PLAIN))
    digits = compute.if_else(pa.array(readable), text, pa.scalar("nan", text.type))
    values = np.array(digits.cast(pa.float64()).to_numpy(zero_copy_only=False)) * factor
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
    for unit, times in _UNITS.items():
        factor[flags(compute.equal(last, unit))] = times
    factor[flags(compute.equal(last, "%"))] = 0.01
    return compute.replace_substring_regex(text, r"[KMBTkmbt%]$", ""), factor
