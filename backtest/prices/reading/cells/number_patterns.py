"""What exports write as a number: thousands, currencies, units, per cent, brackets for negatives.

The patterns here are the only account of it; they are slow, so that a column meets them shape by shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from backtest.arrays import Flags, Floats
from backtest.prices.reading.cells.columns import Column, compute, flags

MISSING: Final = (
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
LONGEST: Final = 40
"""Characters that a number may have: longer cells are refused before any pattern meets them."""

_UNITS: Final = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "%": 0.01}
_PLAIN: Final = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$"
_GROUPED: Final = r"^[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d*)?$"
"""Groups of three digits, or as India writes them: of two, and three at the end."""
_SPACES: Final = "\\s\u00a0\u2007\u2009\u202f"
_CURRENCY_BEFORE: Final = rf"^([-+(]?)[$€£₩¥][{_SPACES}]?"
_CURRENCY_BEHIND: Final = rf"[{_SPACES}]?(?:[$€£₩¥]|원|USD|EUR|KRW)(\)?)$"
_SIGNS_OF_GROUPS: Final = f"[{_SPACES}'’_]"


@dataclass(frozen=True, slots=True)
class Understood:
    """A (T,) column of cells in its parts.

    Parameters
    ----------
    digits : each number with a decimal point and nothing else, ``nan`` where there is none
    factor : what the unit behind it multiplies it by
    bracketed : whether brackets say that it is negative
    missing, unreadable : whether the cell says that there is no number, or is none
    """

    digits: Column
    factor: Floats
    bracketed: Flags
    missing: Flags
    unreadable: Flags


def understand(column: Column, decimal: str) -> Understood:
    """Read a column of texts cell by cell."""
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
    bracketed = flags(compute.match_substring_regex(text, r"^\(.*\)$"))
    text = compute.replace_substring_regex(text, r"^\((.*)\)$", r"\1")
    text, factor = _without_units(text)
    grouped = flags(compute.match_substring_regex(text, _GROUPED))
    text = compute.if_else(pa.array(grouped), compute.replace_substring(text, ",", ""), text)
    readable = flags(compute.match_substring_regex(text, _PLAIN))
    digits = compute.if_else(pa.array(readable), text, pa.scalar("nan", text.type))
    return Understood(digits, factor, bracketed, missing, ~missing & ~readable)


def read_each(column: Column, decimal: str) -> tuple[Floats, Flags, Flags]:
    """(T,) values with NaN where there is none, (T,) missing, (T,) unreadable; cell by cell."""
    found = understand(column, decimal)
    values = in_units(np.array(found.digits.cast(pa.float64()).to_numpy(zero_copy_only=False)), found.factor)
    values[found.bracketed] *= -1.0
    unreadable = found.unreadable | (~found.missing & ~np.isfinite(values))
    values[found.missing | unreadable] = np.nan
    return values, found.missing, unreadable


def in_units(values: Floats, factor: Floats | float) -> Floats:
    """Values times the factors of their units: 1.43B is a whole number, which the product may miss by its last bit."""
    scaled = values * factor
    whole = np.rint(scaled)
    with np.errstate(invalid="ignore"):  # infinity, which is refused later
        near = np.abs(scaled - whole) <= 1e-12 * np.abs(whole)
    return np.where((np.asarray(factor) > 1) & near, whole, scaled)


def is_plain(sample: Column, *, decimal: str) -> bool:
    """Whether every cell of a sample of texts is missing or a number without thousands, currency and unit."""
    text = compute.utf8_lower(compute.utf8_trim_whitespace(sample))
    if decimal == ",":
        text = _with_decimal_point(text)
    missing = compute.is_in(text, pa.array(MISSING, text.type))
    return bool(
        compute.all(compute.or_(missing, compute.match_substring_regex(text, _PLAIN))).as_py() is not False
    )


def _with_decimal_point(text: Column) -> Column:
    """``1.234,5`` as ``1,234.5``: points and commas change places."""
    text = compute.replace_substring(text, ",", "\x00")
    return compute.replace_substring(compute.replace_substring(text, ".", ","), "\x00", ".")


def _without_units(text: Column) -> tuple[Column, Floats]:
    factor = np.ones(len(text))
    last = compute.utf8_upper(compute.utf8_slice_codeunits(text, -1))
    for unit, times in _UNITS.items():
        factor[flags(compute.equal(last, unit))] = times
    return compute.replace_substring_regex(text, r"[KMBTkmbt%]$", ""), factor
