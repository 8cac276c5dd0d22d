"""Actions on a run: cancel, verify, annotate, delete."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from store.queries import audit, runs
from store.queries.audit import Action
from web.api import schemas
from web.auth.authentication import actor
from web.errors import wants_page
from web.runs import annotation, deletion, verification
from web.services import database, launcher, now
from workflows import submission

bp = Blueprint("run_actions", __name__, url_prefix="/runs/<run_id>")


@bp.post("/cancel")
def cancel(run_id: str) -> ResponseReturnValue:
    """Cancel a run that has not ended; one that has stays as it is."""
    cancelled = submission.cancel(database(), launcher(), run_id, actor=actor())
    if wants_page():
        return redirect(url_for("result_page.show", run_id=run_id), 303)
    with database().read() as session:
        status = runs.get(session, run_id).status
    body: schemas.Cancelled = {"run_id": run_id, "cancelled": cancelled, "status": status}
    return jsonify(body)


@bp.post("/verify")
def verify(run_id: str) -> ResponseReturnValue:
    """Execute a finished run again from what is stored, and compare every bit."""
    compared = verification.verify(run_id)
    with database().write() as session:
        audit.record(session, actor(), Action.RUN_VERIFY, run_id, now=now(), identical=compared["identical"])
    if wants_page():
        with database().read() as session:
            run = runs.get(session, run_id)
        return render_template("verify.html", run=run, verification=compared)
    return jsonify(compared)


@bp.post("/notes")
def annotate(run_id: str) -> ResponseReturnValue:
    """Store the name, notes and tags of the form."""
    given = {
        name: value for name, value in request.form.items() if name in ("name", "notes", "tags", "starred")
    }
    with database().write() as session:
        annotation.store(session, run_id, annotation.parse(given))
    return redirect(url_for("result_page.show", run_id=run_id), 303)


@bp.post("/delete")
def delete(run_id: str) -> ResponseReturnValue:
    """Delete an ended run, then show the list."""
    with database().write() as session:
        deletion.delete(session, run_id)
    return redirect(url_for("pages.list_runs"), 303)
