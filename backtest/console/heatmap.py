"""The objective over a search space as a picture."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backtest.arrays import Floats
from backtest.studies.request import StudyRequest
from backtest.studies.result import StudyResult
from backtest.studies.space import Axis
from backtest.studies.statistics.landscape import codes_of
from backtest.studies.table import TrialTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCALE = "PuOr"
"""Readable by the colour-blind and in grey; white is zero, so that a loss never looks like a gain."""
_MOST_LABELS = 12


def write(request: StudyRequest, result: StudyResult, path: Path) -> None:
    """Draw each account: one input as a line, two or more as a map of the first two, the best over the others."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # costs start-up time
    from matplotlib.figure import Figure

    count = len(result.tables)
    figure = Figure(figsize=(8, 6 * count), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    for place, table in enumerate(result.tables, start=1):
        axes = figure.add_subplot(count, 1, place)
        axes.set_title(f"{request.run.rule_type} on {', '.join(table.symbols)}: {request.objective}")
        (_draw_line if len(request.axes) == 1 else _draw_map)(axes, request.axes, table)
    figure.savefig(path)


def cells(axes: tuple[Axis, ...], table: TrialTable) -> Floats:
    """(rows, columns) the best objective of each pair of the second and the first input; NaN where there is none."""
    columns, rows = (codes_of(axis, table.params[axis.name]) for axis in axes[:2])
    grid = np.full((len(axes[1].values), len(axes[0].values)), -np.inf)
    scores = np.where(np.isnan(table.scores), -np.inf, table.scores)
    np.maximum.at(grid, (rows, columns), scores)
    return np.where(np.isinf(grid), np.nan, grid)


def _draw_map(axes: Axes, space: tuple[Axis, ...], table: TrialTable) -> None:
    from matplotlib.colors import TwoSlopeNorm

    grid = cells(space, table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no score at all
        reach = float(np.nan_to_num(np.nanmax(np.abs(grid)))) or 1.0
    image = axes.imshow(
        grid,
        origin="lower",
        aspect="auto",
        cmap=_SCALE,
        norm=TwoSlopeNorm(0.0, -reach, reach),
        interpolation="nearest",
    )
    axes.figure.colorbar(image, ax=axes)
    axes.set_xlabel(_label(space[0]))
    axes.set_ylabel(_label(space[1]))
    for set_ticks, axis in ((axes.set_xticks, space[0]), (axes.set_yticks, space[1])):
        step = -(-len(axis.values) // _MOST_LABELS)
        set_ticks(range(0, len(axis.values), step), [str(value) for value in axis.values[::step]])


def _draw_line(axes: Axes, space: tuple[Axis, ...], table: TrialTable) -> None:
    axes.plot([str(value) for value in table.params[space[0].name]], table.scores, marker=".")
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    axes.set_xlabel(_label(space[0]))


def _label(axis: Axis) -> str:
    return axis.name.removeprefix("params.").replace("_", " ")
