"""The result of a study for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from backtest.fields import Value
from backtest.plural import counted
from backtest.studies.objective import ranking
from backtest.studies.request import StudyRequest
from backtest.studies.result import StudyResult
from backtest.studies.table import TrialTable

_HEAD = "  {:>9}  {:>9}  {:>9}  {:>7}  {}"


def text(request: StudyRequest, result: StudyResult, top: int) -> str:
    """Title, the best trials, and what the statistics say, for each account."""
    summary = result.summary
    refused = f", {summary['refused']:,} combinations refused by the rule" if summary["refused"] else ""
    lines = [
        f"{request.run.rule_type}: {counted(summary['trials'], 'trial')}{refused}, ranked by {request.objective}"
    ]
    for table, account in zip(result.tables, summary["accounts"], strict=True):
        lines += ["", f"{', '.join(account['symbols'])}, {account['first_bar']} to {account['last_bar']}, "
                  f"{counted(account['bars'], 'bar')}"]  # fmt: skip
        lines += [*_trials(table, top), "", *_judgement(account)]
        lines += _walk(account["walk_forward"]) if account["walk_forward"] else []
    return "\n".join(lines)


def _trials(table: TrialTable, top: int) -> Iterator[str]:
    """The best trials that may be chosen, in order."""
    order = ranking(np.where(table.eligible, table.scores, np.nan))[: max(top, 0)]
    yield _HEAD.format("Sharpe", "return", "drawdown", "trades", "settings")
    for trial in order[table.eligible[order]]:
        figures = {name: float(values[trial]) for name, values in table.figures.items()}
        chosen = {name: values[trial] for name, values in table.params.items()}
        yield _HEAD.format(
            f"{figures['sharpe_ratio']:.3f}", f"{figures['total_return']:.1%}", f"{figures['max_drawdown']:.1%}",
            f"{figures['num_trades']:,.0f}", settings(chosen),
        )  # fmt: skip


def settings(chosen: Mapping[str, Value]) -> str:
    """The values of the axes in one line."""
    return ", ".join(f"{name.removeprefix('params.')} {value}" for name, value in chosen.items())


def _judgement(account: Mapping[str, Any]) -> Iterator[str]:
    found = account["statistics"]
    yield f"profitable trials          {account['profitable']:.1%}"
    if deflated := found["deflated"]:
        yield f"deflated Sharpe ratio      {deflated['probability']:.1%} of N = {deflated['trials']:,}"
        yield f"  with effective N         {deflated['effective_probability']:.1%} of {deflated['effective']:.1f}"
    if overfitting := found["overfitting"]:
        yield f"probability of overfitting {overfitting['probability']:.1%}"
    if lead := found["beats_benchmark"]:
        yield f"p that no trial is better  {lead['reality_check']:.3f} (Reality Check), {lead['spa']:.3f} (SPA)"
    for part in found["parameters"]:
        yield f"importance of {part['name'].removeprefix('params.'):<12} {part['importance']:.1%}"
    if held := account["holdout"]:
        metrics = held["metrics"]
        gain, ratio = _percent(metrics["total_return"]), _ratio(metrics["sharpe_ratio"])
        yield f"hold-out from {held['first_bar']}   return {gain}, Sharpe {ratio}"
    for name, reason in found["reasons"].items():
        yield f"{name}: {reason}"


def _walk(walk: Mapping[str, Any]) -> Iterator[str]:
    metrics = walk["metrics"]
    yield ""
    yield (
        f"out of sample {walk['first_bar']} to {walk['last_bar']}: return {_percent(metrics['total_return'])}, "
        f"Sharpe {_ratio(metrics['sharpe_ratio'])}, benchmark {_percent(metrics['benchmark_return'])}, "
        f"efficiency {_ratio(walk['efficiency'])}"
    )
    for window in walk["windows"]:
        chosen = settings(window["values"]) if window["values"] else "flat: no trial may be chosen"
        yield f"  {window['test'][0]} to {window['test'][1]}  {_percent(window['total_return']):>8}  {chosen}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
