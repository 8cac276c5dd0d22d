"""Numbers as people write them: 10%, 100,000, $5 and 10 bps where the unit of the field makes them clear."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_CURRENCIES = "$€£¥₩"
_FRACTIONS = frozenset({"fraction", "per year"})
"""Units of fields that hold a fraction: 10% of them is 0.1."""


class Unclear(ValueError):
    """A text that is a number to people but not in this field; the message says how to write it."""


def plain(text: str, unit: str) -> str:
    """The text as `float` reads it, signs of thousands, money and percent and the field's own unit taken away.

    Raises
    ------
    Unclear
        Where a sign does not fit the unit, or a comma may be a decimal one.
    """
    number = _without_unit(text.strip().replace("\u2212", "-"), unit)
    if number.endswith("%"):
        return _percent(number[:-1].strip(), unit)
    unsigned = number.lstrip("+-")
    if unsigned[:1] and unsigned[0] in _CURRENCIES:
        if unit != "currency":
            raise Unclear(f"{_of(unit)}; write it without {unsigned[0]}")
        number = number[: len(number) - len(unsigned)] + unsigned[1:].strip()
    return _ungrouped(number)


def _without_unit(number: str, unit: str) -> str:
    """The number without the unit of its field behind it, as ``10 bps``, ``20 bars`` and ``100,000원``."""
    behind = "원" if unit == "currency" else unit
    if behind.isalpha() and number.lower().endswith(behind):
        return number[: -len(behind)].rstrip()
    return number


def _percent(number: str, unit: str) -> str:
    if unit == "%":
        return _ungrouped(number)
    if unit not in _FRACTIONS:
        hint = "1% is 100 bps" if unit == "bps" else "write it without %"
        raise Unclear(f"{_of(unit)}; {hint}")
    try:
        return str(Decimal(_ungrouped(number)) / 100)
    except InvalidOperation:
        return f"{number}%"  # no number either way


def _ungrouped(number: str) -> str:
    if _GROUPED.fullmatch(number):
        return number.replace(",", "")
    if _COMMA.fullmatch(number):
        raise Unclear(f"a decimal sign is a point: write {number.replace(',', '.')}")
    return number


def _of(unit: str) -> str:
    return f"its unit is {unit}" if unit else "it has no unit"
