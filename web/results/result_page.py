"""The page of one run: progress while it runs, then five tabs of its result."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backtest.metrics import catalogue
from backtest.metrics.periods import return_distribution
from store.models import Result, Run, Status, Trade
from store.queries import results, run_list, runs
from web.api.request_parsing import query_choice, query_number
from web.api.serializers import elapsed_seconds
from web.presentation import svg
from web.results.curves import account_of
from web.results.kpis import kpis
from web.results.stored_curves import curves_of
from web.services import database, settings

TABS = ("stats", "trades", "equity", "drawdown", "portfolio")
TRADES_ON_PAGE = 100
TRADE_SORTS = ("seq", "entry_time", "exit_time", "pnl", "pnl_pct", "bars_held", "size", "symbol")

bp = Blueprint("result_page", __name__)


@bp.get("/runs/<run_id>")
def show(run_id: str) -> ResponseReturnValue:
    """The run as it stands."""
    tab = query_choice("tab", "stats", TABS)
    with database().read() as session:
        run = runs.get(session, run_id)
        waiting = run_list.waiting_before(session, run) if run.status == Status.PENDING else 0
        result = results.get(session, run_id) if run.status == Status.SUCCEEDED else None
    if result is None:
        return render_template(
            "progress.html", run=run, waiting=waiting, elapsed=elapsed_seconds(run), workflow=_workflow(run)
        )
    return render_template(
        f"result/{tab}.html", tab=tab, tabs=TABS, **_shared(run, result), **_VIEWS[tab](run, result)
    )


def _shared(run: Run, result: Result) -> dict[str, Any]:
    summary = result.summary
    return {
        "run": run,
        "summary": summary,
        "metrics": summary["metrics"],
        "reasons": summary["metric_reasons"],
        "catalogue": catalogue.CATALOGUE,
        "kpis": kpis(summary["metrics"]),
        "elapsed": elapsed_seconds(run),
        "workflow": _workflow(run),
    }


def _stats(run: Run, result: Result) -> dict[str, Any]:
    return {"groups": catalogue.by_group()}


def _trades(run: Run, result: Result) -> dict[str, Any]:
    where = {name: request.args.get(name, "")[:32] for name in ("symbol", "side", "exit_reason")}
    where["outcome"] = query_choice("outcome", "", ("", "won", "lost"))
    sort: Any = query_choice("sort", "seq", TRADE_SORTS)
    descending = query_choice("order", "asc", ("asc", "desc")) == "desc"
    page = query_number("page", 1, 1, 1_000_000)
    with database().read() as session:
        total = results.count_trades(session, run.run_id, where=where)
        trades: Sequence[Trade] = results.trades(
            session, run.run_id, sort=sort, descending=descending, where=where,
            offset=(page - 1) * TRADES_ON_PAGE, limit=TRADES_ON_PAGE,
        )  # fmt: skip

    def address(**changes: Any) -> str:
        query: dict[str, Any] = {name: value for name, value in where.items() if value}
        query |= {"sort": sort, "order": "desc" if descending else "asc"} | changes
        return url_for("result_page.show", run_id=run.run_id, tab="trades", **query)

    def sort_link(name: str) -> dict[str, str]:
        state = ("descending" if descending else "ascending") if name == sort else "none"
        order = "desc" if name != sort or not descending else "asc"
        return {"href": address(sort=name, order=order), "state": state}

    return {
        "trades": trades, "total": total, "page": page, "pages": max(1, ceil(total / TRADES_ON_PAGE)),
        "where": where, "address": address, "sort_link": sort_link,
    }  # fmt: skip


def _curve_tab(run: Run, result: Result) -> dict[str, Any]:
    return {}


def _portfolio(run: Run, result: Result) -> dict[str, Any]:
    curves = curves_of(run.run_id, str(run.result_hash))
    account = account_of(curves, result.summary, run.initial_capital)
    symbol = query_choice("symbol", run.symbols[0], tuple(run.symbols))
    return {
        "symbol": symbol,
        "heatmap": svg.heatmap(result.summary["monthly"], result.summary["yearly"]),
        "yearly": svg.yearly(result.summary["yearly"]),
        "distribution": svg.distribution(return_distribution(account)),
    }


_VIEWS = {
    "stats": _stats, "trades": _trades, "equity": _curve_tab, "drawdown": _curve_tab, "portfolio": _portfolio,
}  # fmt: skip


def _workflow(run: Run) -> dict[str, str] | None:
    """The name of the run's workflow and where to see it in the Argo Workflows UI."""
    if not run.workflow_name:
        return None
    ui, namespace = settings().argo_ui_url.rstrip("/"), settings().argo_namespace
    return {
        "name": run.workflow_name,
        "href": f"{ui}/workflows/{namespace}/{run.workflow_name}" if ui else "",
    }
