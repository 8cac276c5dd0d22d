"""The page of one run: progress while it runs, then the rooms of its result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from store.models import Result, Run, Status
from store.queries import results, run_list, runs
from web.api.request_parsing import query_choice
from web.api.serializers import elapsed_seconds
from web.ledger import figure
from web.overview import against_holding
from web.results import returns_room, rooms, settings_room, trades_room
from web.risk import room as risk_room
from web.robustness import room as robustness_room
from web.services import database, settings
from workflows import submission

bp = Blueprint("result_page", __name__)


@bp.get("/runs/<run_id>")
def show(run_id: str) -> ResponseReturnValue:
    """The run as it stands; of its result the whole page, or only the panel of the room."""
    room = rooms.asked_for()
    part = query_choice("part", "page", ("page", "panel"))
    with database().read() as session:
        run = runs.get(session, run_id)
        waiting = run_list.waiting_before(session, run) if run.status == Status.PENDING else 0
        bars = submission.bars_of(session, run) if not run.ended else 0
        result = results.get(session, run_id) if run.status == Status.SUCCEEDED else None
    if result is None:
        return render_template(
            "progress.html", run=run, waiting=waiting, elapsed=elapsed_seconds(run), workflow=_workflow(run),
            bars=bars,
        )  # fmt: skip
    return render_template(
        f"result/{room}.html",
        room=room,
        rooms=rooms.ROOMS,
        part=part,
        **_shared(run, result),
        **_VALUES[room](run, result),
    )


def _shared(run: Run, result: Result) -> dict[str, Any]:
    summary = result.summary
    return {
        "run": run,
        "summary": summary,
        "metrics": summary["metrics"],
        "reasons": summary["metric_reasons"],
        **against_holding.values(run, result),
        "elapsed": elapsed_seconds(run),
        "workflow": _workflow(run),
    }


def _overview(run: Run, result: Result) -> dict[str, Any]:
    """The table of metrics, and how many trials there were beside this one."""
    with database().read() as session:
        tried = figure.of_result(session, run, result)
    return {**against_holding.table_values(run, result), "tried": tried}


_VALUES = {
    "overview": _overview,
    "trades": trades_room.values,
    "returns": returns_room.values,
    "risk": risk_room.values,
    "robustness": robustness_room.values,
    "settings": settings_room.values,
}


def _workflow(run: Run) -> dict[str, str] | None:
    """The name of the run's workflow and where to see it in the Argo Workflows UI."""
    if not run.workflow_name:
        return None
    ui, namespace = settings().argo_ui_url.rstrip("/"), settings().argo_namespace
    is_linked = ui and _is_kept(run)
    return {
        "name": run.workflow_name,
        "href": f"{ui}/workflows/{namespace}/{run.workflow_name}" if is_linked else "",
    }


def _is_kept(run: Run) -> bool:
    """Whether Argo still has the run's workflow: a success of the web is deleted at once, one of the Argo UI later."""
    if run.status != Status.SUCCEEDED or run.completed_at is None:
        return True
    if run.workflow_name == f"bt-{run.run_id}":
        return False
    return datetime.now(UTC) < run.completed_at + timedelta(seconds=settings().ttl_success_ui_seconds)
