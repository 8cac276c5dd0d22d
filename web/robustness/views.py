"""What of a result survives: how far it is, and having it computed."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue

from store.queries.studies import robustness
from web.errors import wants_page
from web.robustness import answer
from web.services import database

bp = Blueprint("robustness", __name__)


@bp.get("/api/runs/<run_id>/robustness")
def show(run_id: str) -> Response:
    """Costs, fills, starts, resampled returns, order, luck and deflation of a run, once they are computed."""
    with database().read() as session:
        return jsonify(answer.read(session, run_id))


@bp.post("/runs/<run_id>/robustness")
def ask(run_id: str) -> ResponseReturnValue:
    """Have it computed, again where it was; a worker, or a workflow, does so where no run needs its place."""
    with database().write() as session:
        robustness.ask(session, run_id, now=datetime.now(UTC))
    if wants_page():
        return redirect(url_for("result_page.show", run_id=run_id, tab="robustness", _anchor="rooms"), 303)
    with database().read() as session:
        body = answer.read(session, run_id)
    return jsonify(body), 202, {"Location": url_for("robustness.show", run_id=run_id)}
