"""Lines, bars and points of the pages of studies, in units of a 1000 × 300 picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats

WIDTH, HEIGHT = 1_000.0, 300.0
_BARS: Final = 40


def histogram(values: Floats, marks: Mapping[str, float]) -> dict[str, Any] | None:
    """How the values are distributed, and where each mark stands; None without two different values."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return None
    ends = [*known.tolist(), *marks.values()]
    low, high = min(ends), max(ends)
    if not high > low:
        return None
    counts, edges = np.histogram(known, _BARS, (low, high))
    tallest = float(counts.max()) or 1.0
    width = WIDTH / _BARS
    bars = [
        {
            "x": round(place * width + 0.5, 2), "w": round(width - 1, 2), "count": int(count),
            "y": round(HEIGHT * (1 - count / tallest), 2), "h": round(HEIGHT * count / tallest, 2),
            "from": float(edges[place]), "to": float(edges[place + 1]),
        }
        for place, count in enumerate(counts.tolist()) if count
    ]  # fmt: skip
    placed = {name: round(WIDTH * (value - low) / (high - low), 2) for name, value in marks.items()}
    return {"bars": bars, "marks": placed, "low": low, "high": high, "values": dict(marks)}


def bars(found: Mapping[str, Sequence[float]]) -> dict[str, Any] | None:
    """Counts between edges as bars, and where zero is; None without a count."""
    edges, counts = found["edges"], found["counts"]
    if not counts or not max(counts) or not edges[-1] > edges[0]:
        return None
    width, tallest, span = WIDTH / len(counts), max(counts), edges[-1] - edges[0]
    drawn = [
        {
            "x": round(place * width + 0.5, 2), "w": round(width - 1, 2), "count": int(count),
            "y": round(HEIGHT * (1 - count / tallest), 2), "h": round(HEIGHT * count / tallest, 2),
            "from": edges[place], "to": edges[place + 1],
        }
        for place, count in enumerate(counts) if count
    ]  # fmt: skip
    return {"bars": drawn, "zero": round(WIDTH * -edges[0] / span, 1), "low": edges[0], "high": edges[-1]}


def scatter(found: Sequence[Sequence[float]]) -> dict[str, Any] | None:
    """Points with both axes to one scale each, and where zero is."""
    pairs = [(x, y) for x, y in found if np.isfinite(x) and np.isfinite(y)]
    if not pairs:
        return None
    xs, ys = np.array(pairs).T
    left, right = min(float(xs.min()), 0.0), max(float(xs.max()), 0.0)
    low, high = min(float(ys.min()), 0.0), max(float(ys.max()), 0.0)
    if not (right > left and high > low):
        return None
    return {
        "points": [
            {"x": round(WIDTH * (x - left) / (right - left), 1), "y": round(HEIGHT * (high - y) / (high - low), 1)}
            for x, y in pairs
        ],
        "zero_x": round(WIDTH * (0 - left) / (right - left), 1),
        "zero_y": round(HEIGHT * high / (high - low), 1),
        "left": left, "right": right, "low": low, "high": high,
    }  # fmt: skip


def line(values: Floats) -> dict[str, Any] | None:
    """Values one after the other as a line above and below zero; None with fewer than two known ones."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return None
    low, high = min(float(values[known].min()), 0.0), max(float(values[known].max()), 0.0)
    reach, width = (high - low) or 1.0, WIDTH / len(values)
    points = " ".join(
        f"{width * (place + 0.5):.1f},{HEIGHT * (high - float(values[place])) / reach:.1f}" for place in known
    )
    return {"points": points, "zero": round(HEIGHT * high / reach, 1), "low": low, "high": high}


def slices(values: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Best and median of each value of an input as two lines."""
    numbers = [row[name] for row in values for name in ("best", "median") if row[name] is not None]
    if len(values) < 2 or not numbers:
        return None
    low, high = min(*numbers, 0.0), max(*numbers, 0.0)
    reach = (high - low) or 1.0

    def line(name: str) -> str:
        return " ".join(
            f"{WIDTH * place / (len(values) - 1):.1f},{HEIGHT * (high - row[name]) / reach:.1f}"
            for place, row in enumerate(values)
            if row[name] is not None
        )

    return {
        "best": line("best"), "median": line("median"), "zero": round(HEIGHT * high / reach, 1), "low": low,
        "high": high, "first": values[0]["value"], "last": values[-1]["value"],
    }  # fmt: skip
