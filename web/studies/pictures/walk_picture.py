"""The stitched account of a walk-forward as lines with the seams of its windows, and how its settings drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backtest.fields import Value
from web.studies.pictures.charts import HEIGHT, WIDTH

NAMES: Final = {
    "equity": "out of sample",
    "benchmark": "benchmark",
    "best_in_sample": "best in sample over all, in hindsight",
}


def picture(walk: Mapping[str, Any]) -> dict[str, Any] | None:
    """The curves over the test bars; None where the release that stored the result kept none."""
    curves = walk.get("curves")
    if not curves or len(curves["times"]) < 2:
        return None
    drawn = {name: curves[name] for name in NAMES if name in curves}
    low = min(min(curve) for curve in drawn.values())
    high = max(max(curve) for curve in drawn.values())
    reach, last = (high - low) or 1.0, len(curves["times"]) - 1

    def line(curve: list[float]) -> str:
        return " ".join(
            f"{WIDTH * place / last:.1f},{HEIGHT * (high - value) / reach:.1f}"
            for place, value in enumerate(curve)
        )

    return {
        "lines": [
            {"name": name, "text": NAMES[name], "points": line(curve)} for name, curve in drawn.items()
        ],
        "seams": _seams(walk),
        "low": low,
        "high": high,
        "first": curves["times"][0][:10],
        "last": curves["times"][-1][:10],
        "ends": {name: curve[-1] for name, curve in drawn.items()},
    }


def drifts(walk: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each searched input that holds numbers the values of the windows as steps."""
    windows = walk["windows"]
    names = next((list(window["values"]) for window in windows if window["values"]), [])
    found = [_drift(name, [(window["values"] or {}).get(name) for window in windows]) for name in names]
    return [drift for drift in found if drift is not None]


def _seams(walk: Mapping[str, Any]) -> list[float]:
    """Where each window but the first begins."""
    begun, seams = 0, []
    for window in walk["windows"][:-1]:
        begun += window["test_bars"]
        seams.append(round(WIDTH * begun / walk["bars"], 1))
    return seams


def _drift(name: str, values: list[Value]) -> dict[str, Any] | None:
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if not numbers:
        return None
    low, high = min(numbers), max(numbers)
    reach, width = (high - low) or 1.0, WIDTH / len(values)
    steps = [
        {"x": round(place * width, 1), "w": round(width, 1), "y": round(HEIGHT * (high - float(value)) / reach, 1)}
        for place, value in enumerate(values)
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]  # fmt: skip
    return {"name": name, "steps": steps, "low": low, "high": high, "different": len(set(numbers))}
