"""Runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtest.metrics.metric import Metric
from backtest.request import OPTION_FIELDS
from store.models import Run
from web import forms
from web.curves import Floats, downsample
from web.results import Curves

MOST = 10
_SIDE = 1_000.0
_PLOT_SHARE = 0.9
"""Of the picture's height; the rest is for the dates."""
_POINTS = 700


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: a label, a value for each run, and whether they differ."""

    label: str
    values: Sequence[Any]
    differs: bool
    style: str = "text"
    best: int | None = None
    name: str = ""


def inputs(runs: Sequence[Run], *, only_differences: bool) -> list[Row]:
    """What was asked for, line by line."""
    named: list[tuple[str, list[Any]]] = [("Symbols", [", ".join(run.symbols) for run in runs])]
    named += [("Rule", [forms.rule_label(run.rule_type) for run in runs])]
    params = [forms.params_of(run) for run in runs]
    keys = dict.fromkeys(key for one in params for key in one)
    named += [(f"Parameter {key}", [one.get(key) for one in params]) for key in keys]
    named += [("From", [run.start_date for run in runs]), ("To", [run.end_date for run in runs])]
    named += [(field.label, [getattr(run, field.name) for run in runs]) for field in OPTION_FIELDS]
    named += [("Benchmark", [run.benchmark for run in runs])]
    named += [("Data", [(run.data_hash or "")[:12] for run in runs])]
    named += [("Engine", [run.engine_version for run in runs])]
    rows = [Row(label, [_shown(value) for value in values], _differ(values)) for label, values in named]
    return [row for row in rows if row.differs or not only_differences]


def figures(runs: Sequence[Run], metrics: Sequence[Metric], *, only_differences: bool) -> list[Row]:
    """Every figure of the catalogue, the best of each line marked."""
    rows = []
    for metric in metrics:
        values = [(run.metrics or {}).get(metric.name) for run in runs]
        if any(value is not None for value in values):
            best = _best(values, metric.better) if _differ(values) else None
            rows.append(Row(metric.label, values, _differ(values), metric.format, best, metric.name))
    return [row for row in rows if row.differs or not only_differences]


def drawing(finished: Sequence[tuple[int, Run, Curves]]) -> dict[str, Any] | None:
    """The equity of the runs, each with its place, as lines of an SVG that begin at 100, on one axis of time."""
    if not finished:
        return None
    kept = [downsample([curves.by_name["equity"]], _POINTS) for _, _, curves in finished]
    values = [
        100 * curves.by_name["equity"][bars] / run.initial_capital
        for (_, run, curves), bars in zip(finished, kept, strict=True)
    ]
    seconds = [
        curves.times[bars].astype(np.int64) for (_, _, curves), bars in zip(finished, kept, strict=True)
    ]
    low, high = min(float(one.min()) for one in values), max(float(one.max()) for one in values)
    first, last = min(int(one[0]) for one in seconds), max(int(one[-1]) for one in seconds)
    span, width = (high - low) or 1.0, (last - first) or 1

    def height(value: float) -> float:
        return round(_SIDE * (high - value) / span, 1)

    lines = [
        {
            "place": place,
            "run": run,
            "path": _path((when - first) * _SIDE / width, one, height),
            "last": float(one[-1]),
        }
        for (place, run, _), when, one in zip(finished, seconds, values, strict=True)
    ]
    return {
        "lines": lines,
        "ticks": [
            {"y": round(100 * _PLOT_SHARE * height(tick) / _SIDE, 2), "label": f"{tick:g}"}
            for tick in _ticks(low, high)
        ],
        "first": str(np.datetime64(first, "s"))[:10],
        "last": str(np.datetime64(last, "s"))[:10],
    }


def _path(across: Floats, values: Floats, height: Callable[[float], float]) -> str:
    return "M" + "L".join(
        f"{x:.1f},{height(y)}" for x, y in zip(across.tolist(), values.tolist(), strict=True)
    )


def _ticks(low: float, high: float) -> list[float]:
    """About five round values between two others."""
    rough = (high - low) / 5 or 1.0
    size = 10.0 ** np.floor(np.log10(rough))
    step = float(size * next(factor for factor in (1, 2, 5, 10) if factor * size >= rough))
    return [float(tick) for tick in np.arange(np.ceil(low / step) * step, high, step)]


def _shown(value: Any) -> str | None:
    """A value as the form shows it; booleans in words."""
    if value is None or isinstance(value, bool):
        return None if value is None else "yes" if value else "no"
    return forms.CHOICE_LABELS.get(str(value), forms.typed(value))


def _differ(values: Sequence[Any]) -> bool:
    return any(value != values[0] for value in values[1:])


def _best(values: Sequence[Any], better: str | None) -> int | None:
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    if not known or better is None:
        return None
    return (max if better == "higher" else min)(known, key=lambda pair: pair[0])[1]
