"""A whole result as JSON for a terminal: the summary, every trade, and the curves of every bar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from backtest.prices.calendar import stamp
from backtest.run.result_tables import Column, ResultTables


def full_result(request: Mapping[str, Any], summary: Mapping[str, Any], tables: ResultTables) -> str:
    """Everything that a run gives, under the names of the interface; times as 2024-01-02 or 2024-01-02T15:30:00."""
    curves = {name: curve.tolist() for name, curve in tables.curves.items()}
    whole = {
        "request": request,
        **summary,
        "trades": _trades(tables.trades),
        "times": _plain(tables.times),
        **curves,
    }
    return json.dumps(whole, indent=2, allow_nan=False)


def _trades(columns: Mapping[str, Column]) -> list[dict[str, Any]]:
    rows = zip(*map(_plain, columns.values()), strict=True)
    return [{"seq": seq, **dict(zip(columns, row, strict=True))} for seq, row in enumerate(rows)]


def _plain(column: Column) -> list[Any]:
    if not isinstance(column, np.ndarray):
        return list(column)
    return [stamp(moment) for moment in column] if column.dtype.kind == "M" else list(column.tolist())
