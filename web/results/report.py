"""The result of a run as one self-contained file."""

from __future__ import annotations

import base64
import hashlib

from flask import render_template

from backtest.metrics import catalogue
from store.queries import results, runs
from web import static_files
from web.overview import against_holding
from web.presentation import charts, svg
from web.results.stored_curves import curves_of, require
from web.services import database, now

_MOST_TRADES = 500
_STYLE = "report.css"


def policy() -> str:
    """The content security policy of a report: its own style sheet, pictures inside it, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(static_files.content(_STYLE)).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; frame-ancestors 'none'"


def render(run_id: str) -> str:
    """The report as HTML that needs nothing else: style and pictures are inside."""
    with database().read() as session:
        run = runs.get(session, run_id)
        result = require(session, run_id)
        trades = results.trades(session, run_id, limit=_MOST_TRADES)
        pnl = results.closed_pnl(session, run_id).pnl
    summary = result.summary
    return render_template(
        "report.html",
        run=run,
        summary=summary,
        metrics=summary["metrics"],
        **against_holding.values(run, result),
        reasons=summary["metric_reasons"],
        groups=catalogue.by_group(),
        trades=trades,
        most_trades=_MOST_TRADES,
        heatmap=svg.heatmap(summary["monthly"], summary["yearly"]),
        charts=charts.of_run(run.run_id, str(run.result_hash), curves_of(run_id, str(run.result_hash)), pnl),
        style=static_files.content(_STYLE).decode(),
        written=now(),
    )
