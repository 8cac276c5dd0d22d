"""The trials of a study over two of its inputs, the others taken together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest.arrays import Flags, Floats, Ints
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Value
from backtest.studies.objective import OBJECTIVES
from backtest.studies.space import Axis
from backtest.studies.statistics.landscape import codes_of
from backtest.studies.table import defined
from web.studies.shown import Shown

NO_PARTS: Final = "none"
MOST_PARTS: Final = 12
MOST_CELLS: Final = 12_000
"""Cells of all small heatmaps together: what a page draws at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A table of cells.

    Parameters
    ----------
    x, y : the inputs across and upwards; y None where the study searches one input alone
    values : (Y, X) what each cell shows; NaN where nothing is known
    trials : (Y, X) the best trial of each cell; -1 where none is known
    """

    x: Axis
    y: Axis | None
    value: str
    values: Floats
    trials: Ints

    @property
    def y_values(self) -> tuple[Value, ...]:
        """The values upwards."""
        return self.y.values if self.y else (None,)

    def as_json(self) -> dict[str, Any]:
        """The cells, ready for JSON."""
        return {
            "x": self.x.name,
            "y": self.y.name if self.y else None,
            "x_values": list(self.x.values),
            "y_values": list(self.y_values),
            "value": self.value,
            "cells": [[defined(value) for value in row] for row in self.values.tolist()],
            "trials": [[None if trial < 0 else trial for trial in row] for row in self.trials.tolist()],
        }


def cells(shown: Shown, x: str = "", y: str = "", value: str = "best", *, only: Flags | None = None) -> Cells:
    """The cells over two inputs; the two with the most values where none are named.

    Parameters
    ----------
    only : (N,) the trials that are looked at; None is all of them
    """
    across, upwards = _axes(shown, x, y)
    columns, rows = codes_of(across, shown.params[across.name]), _codes(shown, upwards)
    height = len(upwards.values) if upwards else 1
    known = shown.known if only is None else shown.known & only
    place = np.where(known, rows * len(across.values) + columns, -1)
    shape = (height, len(across.values))
    size = height * len(across.values)
    best = _best(shown.scores, place, size)
    values = _values(shown, place, best, size, value)
    return Cells(across, upwards, value, values.reshape(shape), best.reshape(shape))


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of several small heatmaps: the value of a third input, and its cells."""

    value: Value
    cells: Cells


def third_axis(shown: Shown, whole: Cells, name: str) -> Axis | None:
    """The input of the small heatmaps: the one of that name, or the smallest that is on no side; None with none."""
    rest = [axis for axis in shown.axes if axis not in (whole.x, whole.y)]
    if name == NO_PARTS or not rest:
        return None
    named = [axis for axis in rest if axis.name == name]
    return named[0] if named else min(rest, key=lambda axis: len(axis.values))


def parts(shown: Shown, whole: Cells, axis: Axis) -> list[Part]:
    """A heatmap for each value of a third input; of many values some, evenly apart."""
    most = max(2, min(MOST_PARTS, MOST_CELLS // whole.values.size))
    places = np.unique(np.linspace(0, len(axis.values) - 1, min(most, len(axis.values))).round().astype(int))
    codes = codes_of(axis, shown.params[axis.name])
    y = whole.y.name if whole.y else ""
    return [
        Part(axis.values[place], cells(shown, whole.x.name, y, whole.value, only=codes == place))
        for place in places.tolist()
    ]


def _axes(shown: Shown, x: str, y: str) -> tuple[Axis, Axis | None]:
    by_size = sorted(shown.axes, key=lambda axis: -len(axis.values))
    named = {axis.name: axis for axis in shown.axes}
    for field, name in (("x", x), ("y", y)):
        if name and name not in named:
            raise InvalidRequest([FieldError(field, f"must be one of {', '.join(named)}", name[:80])])
    if len(by_size) == 1:
        return by_size[0], None
    first = named[x] if x else next(axis for axis in by_size if axis.name != y)
    second = named[y] if y and y != first.name else next(axis for axis in by_size if axis is not first)
    return first, second


def _codes(shown: Shown, axis: Axis | None) -> Ints:
    return codes_of(axis, shown.params[axis.name]) if axis else np.zeros(shown.planned.trials, np.int64)


def _best(scores: Floats, place: Ints, size: int) -> Ints:
    """Of each cell the trial with the highest score, the first one where none is defined; -1 without a trial."""
    best = np.full(size, -1, np.int64)
    ranked = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")[::-1]
    ranked = ranked[place[ranked] >= 0]
    best[place[ranked]] = ranked  # the last written, which is the best one, stays
    return best


def _values(shown: Shown, place: Ints, best: Ints, size: int, value: str) -> Floats:
    if value == "best":
        return _at(shown.objective, best)
    if value == "plateau":
        around = shown.around()
        top = _best(around, place, size)
        better = OBJECTIVES[shown.planned.request.objective].better
        return _at(-around if better == "lower" else around, top)
    if value == "profitable":
        gains = (shown.figures["total_return"] > 0).astype(np.float64)
        known = place >= 0
        counts = np.bincount(place[known], minlength=size)
        with np.errstate(invalid="ignore"):
            return np.bincount(place[known], gains[known], minlength=size) / counts
    return _medians(shown.objective, place, size)


def _at(values: Floats, trials: Ints) -> Floats:
    return np.where(trials >= 0, values[trials], np.nan)


def _medians(values: Floats, place: Ints, size: int) -> Floats:
    usable = (place >= 0) & ~np.isnan(values)
    order = np.lexsort((values[usable], place[usable]))
    cell, sorted_values = place[usable][order], values[usable][order]
    found, first, counts = np.unique(cell, return_index=True, return_counts=True)
    medians = np.full(size, np.nan)
    low, high = first + (counts - 1) // 2, first + counts // 2
    medians[found] = (sorted_values[low] + sorted_values[high]) / 2 if len(found) else np.nan
    return medians
