"""What the room of the heatmap shows: one heatmap, small ones for each value of a third input, and their scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from flask import request

from web.api.request_parsing import query_choice
from web.studies import heatmap
from web.studies.pictures import charts, heatmap_picture
from web.studies.pictures.heatmap_picture import Scale
from web.studies.shown import CELL_VALUES, Shown

_TICKS, _FEW_TICKS = 10, 5
SCALES: Final = {"zero": "around zero", "holding": "around holding", "sequential": "lowest to highest"}


def values(table: Shown, account: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the template needs."""
    objective, args = table.planned.request.objective, request.args
    value = query_choice("value", "best", CELL_VALUES)
    whole = heatmap.cells(table, args.get("x", ""), args.get("y", ""), value)
    third = heatmap.third_axis(table, whole, args.get("each", ""))
    small = heatmap.parts(table, whole, third) if third else []
    drawn = [part.cells for part in small] or [whole]
    held = ((account or {}).get("holding") or {}).get(objective)
    scale = _scale(np.concatenate([cells.values.ravel() for cells in drawn]), value, held)
    ticks = _FEW_TICKS if third else _TICKS
    pictures = [heatmap_picture.picture(cells, objective, table.best, scale, ticks=ticks) for cells in drawn]
    return {
        "cells": whole,
        "line": charts.line(whole.values[0]) if whole.y is None else None,
        "third": third,
        "rest": [axis for axis in table.axes if axis not in (whole.x, whole.y)],
        "pictures": list(zip([part.value for part in small] or [None], pictures, strict=True)),
        "legend": scale.legend(objective, value),
        "value": value,
        "values": CELL_VALUES,
        "scale": scale.kind,
        "scales": {name: text for name, text in SCALES.items() if name != "holding" or held is not None},
        "held": held,
    }


def _scale(drawn: Any, value: str, held: float | None) -> Scale:
    """The scale that the address asks for; of shares of trials the middle is a half."""
    kind = query_choice("scale", "zero", tuple(SCALES))
    if value == "profitable":
        return Scale.of(drawn, "sequential" if kind == "sequential" else "zero", middle=0.5)
    if kind == "holding" and held is not None:
        return Scale.of(drawn, kind, middle=held)
    return Scale.of(drawn, kind if kind == "sequential" else "zero")
