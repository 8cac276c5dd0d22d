"""The cells of a heatmap as rectangles, with the axes and the legend of their picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats
from backtest.studies.space import Axis
from web.presentation.formatting import number, percent
from web.studies.heatmap import Cells
from web.studies.pictures.colours import colour, steps
from web.studies.pictures.names import axis_value, settings

WIDTH: Final = 1_000.0
_TALLEST, _LOWEST = 620.0, 40.0
_PERCENT: Final = ("total_return", "annual_return", "cagr", "max_drawdown", "volatility")


@dataclass(frozen=True, slots=True)
class Tick:
    """A value on an axis, and where it stands in percent of the side."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Scale:
    """How values become colours: `kind` is zero, holding or sequential, grey or the middle step is at `middle`."""

    kind: str
    middle: float
    reach: float

    @classmethod
    def of(cls, values: Floats, kind: str, *, middle: float = 0.0) -> Scale:
        """The scale of these values: around the middle as far as they reach, or from the lowest to the highest."""
        known = values[~np.isnan(values)]
        if kind == "sequential" and len(known):
            low, high = float(known.min()), float(known.max())
            return cls(kind, (low + high) / 2, (high - low) / 2)
        return cls(kind, middle, float(np.abs(known - middle).max()) if len(known) else 1.0)

    def legend(self, objective: str, value: str) -> dict[str, Any]:
        """Its steps, and what its ends and its middle stand for."""
        ends = {"low": self.middle - self.reach, "middle": self.middle, "high": self.middle + self.reach}
        return {"steps": steps(), **{name: shown(end, objective, value) for name, end in ends.items()}}


def picture(cells: Cells, objective: str, best: int | None, scale: Scale, *, ticks: int) -> dict[str, Any]:
    """Everything that the template draws: the highest value upwards is on top."""
    rows, columns = cells.values.shape
    width = WIDTH / columns
    height = min(max(width, _LOWEST if rows == 1 else 0.0), _TALLEST / rows)
    middle, reach = scale.middle, scale.reach
    return {
        "width": WIDTH,
        "height": round(height * rows, 2),
        "cells": [
            _cell(cells, row, column, width, height, reach, middle, objective)
            for row in range(rows)
            for column in range(columns)
            if cells.trials[row, column] >= 0
        ],
        "mark": _mark(cells, best, width, height),
        "x_ticks": _ticks(cells.x, ticks, last_first=False),
        "y_ticks": _ticks(cells.y, ticks, last_first=True) if cells.y else [],
        "legend": scale.legend(objective, cells.value),
    }


def shown(value: float | None, objective: str, kind: str = "best") -> str:
    """A value of the objective, or a share of trials, as text."""
    if value is None or not np.isfinite(value):
        return "–"
    if kind == "profitable":
        return percent(value, 0)
    return percent(value, 1) if objective in _PERCENT else number(value, 2)


def _cell(
    cells: Cells, row: int, column: int, width: float, height: float, reach: float, middle: float, objective: str
) -> dict[str, Any]:  # fmt: skip
    value = float(cells.values[row, column])
    inputs = {cells.x.name: cells.x.values[column]} | ({cells.y.name: cells.y.values[row]} if cells.y else {})
    return {
        "x": round(column * width, 2),
        "y": round((len(cells.values) - 1 - row) * height, 2),
        "w": round(width + 0.3, 2),
        "h": round(height + 0.3, 2),
        "fill": colour(value, reach, middle) if value == value else "none",
        "trial": int(cells.trials[row, column]),
        "text": f"{settings(inputs)}: {shown(value, objective, cells.value)}",
    }


def _mark(cells: Cells, best: int | None, width: float, height: float) -> dict[str, float] | None:
    """The frame of the cell that holds the best trial."""
    if best is None or not (cells.trials == best).any():
        return None
    found = np.argwhere(cells.trials == best)
    row, column = found[0]
    return {"x": column * width, "y": (len(cells.values) - 1 - row) * height, "w": width, "h": height}


def _ticks(axis: Axis, most: int, *, last_first: bool) -> list[Tick]:
    """At most so many values, at the middle of their cells."""
    count = len(axis.values)
    places = sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))
    return [
        Tick(
            axis_value(axis.name, axis.values[place]),
            100 * ((count - 1 - place if last_first else place) + 0.5) / count,
        )
        for place in places
    ]
