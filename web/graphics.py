"""What is no time series, as shapes for the templates: heatmap cells, bars, a histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STEPS = 4
_FULL_MONTH = 0.08


def heatmap(
    monthly: Sequence[Mapping[str, Any]], yearly: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each year: twelve months, each with its value and shade, and the year's return."""
    by_month = {(row["year"], row["month"]): row["return"] for row in monthly}
    return [
        {
            "year": row["year"],
            "months": [_cell(by_month.get((row["year"], month))) for month in range(1, 13)],
            "total": row["return"],
        }
        for row in yearly
    ]


def yearly(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Bars of own and benchmark return for each year, in percent of the largest."""
    values = [
        value for row in rows for value in (row["return"], row["benchmark_return"]) if value is not None
    ]
    largest = max((abs(value) for value in values), default=0) or 1.0
    bars = [
        {
            "year": row["year"],
            "own": row["return"],
            "benchmark": row["benchmark_return"],
            "own_share": _share(row["return"], largest),
            "benchmark_share": _share(row["benchmark_return"], largest),
        }
        for row in rows
    ]
    return {"bars": bars, "negative": any(value < 0 for value in values)}


def distribution(histogram: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """Bars of a histogram, their heights in percent of the highest."""
    counts, edges = histogram["counts"], histogram["edges"]
    highest = max(counts, default=0) or 1
    return [
        {"low": low, "high": high, "count": int(count), "height": 100 * count / highest}
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]


def _cell(value: float | None) -> dict[str, Any]:
    if value is None:
        return {"value": None, "shade": "none"}
    step = min(_STEPS, 1 + int(_STEPS * abs(value) / _FULL_MONTH)) if value else 0
    return {"value": value, "shade": f"{'gain' if value > 0 else 'loss'}-{step}" if step else "zero"}


def _share(value: float | None, largest: float) -> float:
    return 0.0 if value is None else 100 * value / largest
