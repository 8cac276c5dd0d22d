"""Shapes for the templates: heatmap cells, bars, a histogram, and lines that need no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from web.presentation.decimation import Floats, Times, downsample

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STEPS = 4
_FULL_MONTH = 0.08
_SIDE = 1_000.0
_POINTS = 700
_MOST_TICKS = 7
_PLOT_SHARE = 0.9
"""Of a picture's height; the rest is for the dates."""


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


def overlay(lines: Sequence[tuple[Times, Floats]], *, log: bool = False) -> dict[str, Any]:
    """Lines on one axis of time, as paths in a square, with marks at round values and the outer dates.

    On a logarithmic scale a line ends where it is no longer above zero. `low`, `high`, `start` and `end` are what the
    sides of the square stand for, for a script that reads values from the paths.
    """
    thinned = [_thin(times, values) for times, values in lines]
    if log:
        thinned = [_positive(seconds, values) for seconds, values in thinned]
    low = min(float(values.min()) for _, values in thinned)
    high = max(float(values.max()) for _, values in thinned)
    first = min(int(seconds[0]) for seconds, _ in thinned)
    last = max(int(seconds[-1]) for seconds, _ in thinned)
    scaled: Callable[[float], float] = math.log if log else float
    span, width = (scaled(high) - scaled(low)) or 1.0, (last - first) or 1

    def height(value: float) -> float:
        return round(_SIDE * (scaled(high) - scaled(value)) / span, 1)

    return {
        "paths": [_path((seconds - first) * _SIDE / width, values, height) for seconds, values in thinned],
        "ticks": [
            {"y": round(100 * _PLOT_SHARE * height(tick) / _SIDE, 2), "label": _label(tick)}
            for tick in (_log_ticks if log else _ticks)(low, high)
        ],
        "first": str(np.datetime64(first, "s"))[:10],
        "last": str(np.datetime64(last, "s"))[:10],
        "log": log, "low": low, "high": high, "start": first, "end": last,
    }  # fmt: skip


def _label(tick: float) -> str:
    """A mark of an axis: 1,000, 1e6, 2e23; zero has no sign."""
    digits, _, power = f"{tick + 0.0:,g}".partition("e")
    return f"{digits}e{int(power)}" if power else digits


def _positive(seconds: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The part before the first value that has no logarithm; every line begins at 100."""
    wrong = values <= 0
    end = int(np.argmax(wrong)) if wrong.any() else len(values)
    return seconds[:end], values[:end]


def _thin(times: Times, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Seconds since 1970 and values of as many points as a picture shows."""
    bars = downsample([values], _POINTS)
    return times[bars].astype(np.int64), values[bars]


def _path(across: NDArray[Any], values: Floats, height: Callable[[float], float]) -> str:
    return "M" + "L".join(
        f"{x:.1f},{height(y)}" for x, y in zip(across.tolist(), values.tolist(), strict=True)
    )


def _ticks(low: float, high: float) -> list[float]:
    """About five round values between two others."""
    rough = (high - low) / 5 or 1.0
    size = 10.0 ** np.floor(np.log10(rough))
    step = float(size * next(factor for factor in (1, 2, 5, 10) if factor * size >= rough))
    return [float(tick) for tick in np.arange(np.ceil(low / step) * step, high, step)]


def _log_ticks(low: float, high: float) -> list[float]:
    """About five round values between two positive others, at about equal ratios."""
    if high / low < 4:
        return [tick for tick in _ticks(low, high) if tick > 0]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        within = [tick for tick in ticks if low <= tick <= high]
        if len(within) <= _MOST_TICKS:
            break
    return within[:: -(-len(within) // _MOST_TICKS)]


def _cell(value: float | None) -> dict[str, Any]:
    if value is None:
        return {"value": None, "shade": "none"}
    step = min(_STEPS, 1 + int(_STEPS * abs(value) / _FULL_MONTH)) if value else 0
    return {"value": value, "shade": f"{'gain' if value > 0 else 'loss'}-{step}" if step else "zero"}


def _share(value: float | None, largest: float) -> float:
    return 0.0 if value is None else 100 * value / largest
