"""The query string of the table of trials: sorting, filters, and where a page begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.arrays import Flags, Indices
from backtest.errors import FieldError, InvalidRequest
from backtest.studies.objective import FIGURES
from web.studies.shown import Shown

_LIMIT: Final = 50
MOST: Final = 1_000
USUAL: Final = ("total_return", "sharpe_ratio", "volatility", "max_drawdown", "num_trades")
"""The figures that the table shows where no others are asked for."""


@dataclass(frozen=True, slots=True)
class TrialPage:
    """Some trials in order; `after` is the last of them where others follow."""

    trials: list[int]
    matching: int
    sort: str
    descending: bool
    after: int | None


def columns(asked: Collection[str]) -> list[str]:
    """The figures that the table shows: those that are asked for, or the usual ones."""
    return [name for name in FIGURES if name in asked] or list(USUAL)


def page(shown: Shown, arguments: Mapping[str, str]) -> TrialPage:
    """The trials that the query string asks for, or `InvalidRequest` naming what is wrong in it."""
    names = ("objective", "trial", *FIGURES, *shown.params)
    sort = _one_of(arguments, "sort", "objective", names)
    descending = _one_of(arguments, "order", "desc", ("desc", "asc")) == "desc"
    limit = _whole(arguments, "limit", _LIMIT, 1, MOST)
    matching = np.flatnonzero(_filter(shown, arguments))
    ordered = matching[_order(shown, sort, matching, descending=descending)]
    after = _whole(arguments, "after", -1, 0, 2**31 - 1)
    found = np.flatnonzero(ordered == after)
    first = int(found[0]) + 1 if len(found) else 0
    part = ordered[first : first + limit].tolist()
    more = first + limit < len(ordered)
    return TrialPage(part, len(ordered), sort, descending, part[-1] if more else None)


def _order(shown: Shown, sort: str, matching: Indices, *, descending: bool) -> Indices:
    """The places in order: undefined values last, equal ones in grid order."""
    column = shown.column(sort)[matching]
    if column.dtype.kind == "O":
        column = np.array([str(value) for value in column])
        places = np.argsort(column, kind="stable")
        return places[::-1] if descending else places
    values = (
        column.astype(np.float64)
        if column.dtype.kind in "fiub"
        else np.unique(column, return_inverse=True)[1]
    )
    keys = np.where(np.isnan(values), np.inf, -values if descending else values)
    return np.argsort(keys, kind="stable")


def _filter(shown: Shown, arguments: Mapping[str, str]) -> Flags:
    chosen = shown.known.copy()
    if _one_of(arguments, "eligible", "false", ("true", "false")) == "true":
        chosen &= shown.eligible
    for axis in shown.axes:
        text = arguments.get(axis.name, "")
        if not text:
            continue
        places = {str(value): value for value in axis.values}
        if text not in places:
            raise InvalidRequest([FieldError(axis.name, "must be one of the values of the study", text[:40])])
        chosen &= shown.params[axis.name] == places[text]
    return chosen


def _one_of(arguments: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    text = arguments.get(name) or default
    if text not in choices:
        message = f"must be one of {', '.join(choices)}, got {text[:40]!r}"
        raise InvalidRequest([FieldError(name, message, text[:40])])
    return text


def _whole(arguments: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = arguments.get(name) or ""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        message = f"must be a whole number from {low} to {high}, got {text[:40]!r}"
        raise InvalidRequest([FieldError(name, message, text[:40])])
    return int(text)
