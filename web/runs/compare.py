"""Runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backtest.metrics.metric import Metric
from backtest.run.request import OPTION_FIELDS
from store.models import Run
from web.presentation.svg import overlay
from web.runs.results import Curves
from web.submission import form

MOST = 10


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
    named += [("Rule", [form.rule_label(run.rule_type) for run in runs])]
    params = [form.params_of(run) for run in runs]
    keys = dict.fromkeys(key for one in params for key in one)
    named += [(f"Parameter {key.replace('_', ' ')}", [one.get(key) for one in params]) for key in keys]
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
    indexed = [
        (curves.times, 100 * curves.by_name["equity"] / run.initial_capital) for _, run, curves in finished
    ]
    drawn = overlay(indexed)
    lines = [
        {"place": place, "run": run, "path": path, "last": float(values[-1])}
        for (place, run, _), path, (_, values) in zip(finished, drawn["paths"], indexed, strict=True)
    ]
    return drawn | {"lines": lines}


def _shown(value: Any) -> str | None:
    """A value as the form shows it; booleans in words."""
    if value is None or isinstance(value, bool):
        return None if value is None else "yes" if value else "no"
    return form.CHOICE_LABELS.get(str(value), form.typed(value))


def _differ(values: Sequence[Any]) -> bool:
    return any(value != values[0] for value in values[1:])


def _best(values: Sequence[Any], better: str | None) -> int | None:
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    if not known or better is None:
        return None
    return (max if better == "higher" else min)(known, key=lambda pair: pair[0])[1]
