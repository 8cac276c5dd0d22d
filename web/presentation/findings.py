"""The findings of a data-quality report, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from web.presentation.formatting import day, percent
from web.presentation.svg import MONTHS

_SATURDAY = 5
_DAY = timedelta(days=1)


def finding(item: Mapping[str, Any], weekends: bool) -> str:
    """One finding; `weekends` says whether the symbol trades on weekends."""
    if "after" in item:
        first, last = _missing(item["after"], item["before"], weekends)
        return f"No bars {_span(first, last)}"
    text = day(item["date"])
    if "return" in item:
        text += f": {percent(item['return'], sign=True)}"
    return text + (f", looks like a {item['looks_like']} split" if "looks_like" in item else "")


def _missing(after: str, before: str, weekends: bool) -> tuple[date, date]:
    """The first and the last day without a bar that should have one."""
    first, last = date.fromisoformat(after[:10]) + _DAY, date.fromisoformat(before[:10]) - _DAY
    while not weekends and first < last and first.weekday() >= _SATURDAY:
        first += _DAY
    while not weekends and first < last and last.weekday() >= _SATURDAY:
        last -= _DAY
    return first, last


def _span(first: date, last: date) -> str:
    """11 Sep 2001, 11–14 Sep 2001, 28 Nov – 3 Dec 2001 or 28 Dec 2000 – 3 Jan 2001."""
    until = f"{last.day} {MONTHS[last.month - 1]} {last.year}"
    if first >= last:
        return until
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{until}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {MONTHS[first.month - 1]}{year} – {until}"
