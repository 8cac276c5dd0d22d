"""The result of a run as one self-contained, interactive file."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, Final

from flask import render_template

from backtest.metrics import catalogue
from backtest.prices.calendar import is_intraday
from store.models import Result, Run
from store.queries import results, runs
from store.queries.studies import robustness
from web import static_files
from web.overview import against_holding
from web.presentation import charts, svg
from web.presentation.decimation import as_lists
from web.results import curves as run_curves
from web.results.stored_curves import Curves, curves_of, require
from web.services import database, now
from web.submission.form import rule_label

_MOST_TRADES = 500
_POINTS = 3_000
_CURVES: Final = ("equity", "benchmark", "drawdown", "trade_pnl")
_STYLE = "report.css"
_SCRIPTS: Final = ("lightweight-charts.js", "report.js")
_LONGEST_NAME = 100


def policy() -> str:
    """The content security policy of a report: its own style sheet and scripts, pictures inside it, nothing else."""
    return f"{_contained()}; frame-ancestors 'none'"


def _contained() -> str:
    """The policy that the file carries itself, for when it is opened from a disk."""
    scripts = " ".join(_digest(name) for name in _SCRIPTS)
    return f"default-src 'none'; script-src {scripts}; style-src {_digest(_STYLE)}; img-src data:"


def _digest(name: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(static_files.content(name)).digest()).decode()}'"


def file_name(run_id: str) -> str:
    """What a kept report is called: the run's own name, or its symbols, rule and years."""
    with database().read() as session:
        run = runs.get(session, run_id)
    years = f"{run.start_date.year}-{run.end_date.year}"
    words = run.name or f"{'-'.join(run.symbols[:3])} {rule_label(run.rule_type).lower()} {years}"
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-.")[:_LONGEST_NAME]
    return f"{plain or 'report'}-{run_id[:8]}.html"


def render(run_id: str) -> str:
    """The report as HTML that needs nothing else: style, scripts, curves and pictures are inside."""
    with database().read() as session:
        run = runs.get(session, run_id)
        result = require(session, run_id)
        trades = results.trades(session, run_id, limit=_MOST_TRADES)
        pnl = results.closed_pnl(session, run_id).pnl
        survival = robustness.answer_of(session, run_id)
    summary = result.summary
    stored = curves_of(run_id, str(run.result_hash))
    return render_template(
        "report.html",
        run=run,
        summary=summary,
        metrics=summary["metrics"],
        **against_holding.values(run, result),
        reasons=summary["metric_reasons"],
        groups=catalogue.by_group(),
        survival=survival,
        trades=trades,
        most_trades=_MOST_TRADES,
        heatmap=svg.heatmap(summary["monthly"], summary["yearly"]),
        charts=charts.of_run(run.run_id, str(run.result_hash), stored, pnl),
        style=static_files.content(_STYLE).decode(),
        scripts=[static_files.content(name).decode() for name in _SCRIPTS],
        policy=_contained(),
        chart=_chart(run, result, stored),
        written=now(),
    )


def _chart(run: Run, result: Result, stored: Curves) -> dict[str, Any]:
    """What the script of the report draws."""
    conventions = result.summary["conventions"]
    lists = as_lists(stored.times, {name: run_curves.curve(run, stored, name) for name in _CURVES}, _POINTS)
    return {
        "hold": f"{'Hold ' if conventions['benchmark_is_own_symbols'] else ''}{conventions['benchmark']}",
        "intraday": is_intraday(result.summary["timeframe"]),
        "times": lists.pop("times"),
        "curves": lists,
    }
