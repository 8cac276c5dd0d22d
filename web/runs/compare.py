"""Runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from backtest.metrics.metric import Metric
from store.models import Run
from web.presentation.run_settings import Setting, changes, grouped
from web.presentation.svg import overlay
from web.results.stored_curves import Curves

MOST = 10
_HOLD = "hold"
"""The place of the benchmark among the lines."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: a label, a value for each run, and whether they differ."""

    label: str
    values: Sequence[Any]
    differs: bool
    style: str = "text"
    best: int | None = None
    name: str = ""


def input_rows(runs: Sequence[Run], *, only_differences: bool) -> list[Row]:
    """What was asked for, line by line; what differs comes first."""
    rows = [Row(label, values, _differ(values)) for label, values in _lines(runs)]
    return _differences_first(rows, only=only_differences)


def metric_rows(runs: Sequence[Run], metrics: Sequence[Metric], *, only_differences: bool) -> list[Row]:
    """Every metric that a run has, the best of each line marked; what differs comes first."""
    rows = [_metric_row(metric, [(run.metrics or {}).get(metric.name) for run in runs]) for metric in metrics]
    known = [row for row in rows if any(value is not None for value in row.values)]
    return _differences_first(known, only=only_differences)


def _differences_first(rows: Sequence[Row], *, only: bool) -> list[Row]:
    alike = [] if only else [row for row in rows if not row.differs]
    return [row for row in rows if row.differs] + alike


def drawing(finished: Sequence[tuple[int, Run, Curves]], *, log: bool = False) -> dict[str, Any] | None:
    """The equity of the runs, each with its place, as lines of an SVG that begin at 100, on one axis of time.

    The last line is the benchmark of the first run.
    """
    if not finished:
        return None
    _, first, curves_of_first = finished[0]
    shown: list[tuple[int | str, Run, Curves, str]] = [
        *((place, run, curves, "equity") for place, run, curves in finished),
        (_HOLD, first, curves_of_first, "benchmark"),
    ]
    indexed = [
        (curves.times, 100 * curves.by_name[name] / run.initial_capital) for _, run, curves, name in shown
    ]
    drawn = overlay(indexed, log=log)
    lines = [
        {"place": place, "run": run, "path": path, "last": float(values[-1])}
        for (place, run, _, _), path, (_, values) in zip(shown, drawn["paths"], indexed, strict=True)
    ]
    return drawn | {"lines": lines, "hold": _HOLD}


def labels(runs: Sequence[Run]) -> list[str]:
    """What tells each run from the others: the settings in which they differ; of alike runs what is no default."""
    given = _given(runs)
    names = dict.fromkeys(name for settings in given for name in settings)
    differing = [name for name in names if len({_text(settings.get(name)) for settings in given}) > 1]
    return [
        ", ".join(
            filter(None, (_brief(settings.get(name)) for name in differing if name not in _titled(run)))
        )
        or changes(run)
        for run, settings in zip(runs, given, strict=True)
    ]


def _titled(run: Run) -> tuple[str, ...]:
    """The settings that stand in the title of a run already."""
    return () if run.name else ("symbols", "rule_type")


def _text(setting: Setting | None) -> str:
    return "" if setting is None else setting.text


def _brief(setting: Setting | None) -> str:
    """The setting as a label has it; an empty one has none: the labels of the other runs name it."""
    if setting is None or setting.text == "–":
        return ""
    if setting.text == "Off":
        return f"no {setting.label.lower()}"
    return setting.brief or f"{setting.label.lower()} {setting.text}"


def _given(runs: Sequence[Run]) -> list[dict[str, Setting]]:
    """The settings of each run by name."""
    return [{setting.name: setting for _, group in grouped(run) for setting in group} for run in runs]


_STORED: tuple[tuple[str, Callable[[Run], Any]], ...] = (
    ("Data", lambda run: (run.data_hash or "")[:12]),
    ("Engine", attrgetter("engine_version")),
)


def _lines(runs: Sequence[Run]) -> Iterator[tuple[str, list[Any]]]:
    """Label and value of each setting, with its unit; a dash where a run has no such setting."""
    given = [
        {(setting.name, setting.label): setting.text for setting in own.values()} for own in _given(runs)
    ]
    for line in dict.fromkeys(line for own in given for line in own):
        yield line[1], [own.get(line, "–") for own in given]
    for label, read in _STORED:
        yield label, [read(run) for run in runs]


def _metric_row(metric: Metric, values: Sequence[Any]) -> Row:
    differ = _differ(values)
    best = _best(values, metric.better) if differ else None
    return Row(metric.label, values, differ, metric.format, best, metric.name)


def _differ(values: Sequence[Any]) -> bool:
    return any(value != values[0] for value in values[1:])


def _best(values: Sequence[Any], better: str | None) -> int | None:
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    if not known or better is None:
        return None
    return (max if better == "higher" else min)(known, key=lambda pair: pair[0])[1]
