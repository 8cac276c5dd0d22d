"""Actions on a run: cancel, verify, annotate, delete."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from store.models import Status
from store.queries import run_list, runs
from web.api import schemas, serializers
from web.auth.authentication import actor
from web.errors import wants_page
from web.runs import annotation, deletion, verification
from web.services import database, launcher, settings
from workflows import submission

bp = Blueprint("run_actions", __name__, url_prefix="/runs/<run_id>")


@bp.post("/cancel")
def cancel(run_id: str) -> ResponseReturnValue:
    """Cancel a run that has not ended; one that has stays as it is."""
    cancelled = submission.cancel(database(), run_id, actor=actor())
    if wants_page():
        return redirect(url_for("result_page.show", run_id=run_id), 303)
    with database().read() as session:
        status = runs.get(session, run_id).status
    body: schemas.Cancelled = {"run_id": run_id, "cancelled": cancelled, "status": status}
    return jsonify(body)


@bp.post("/verify")
def verify(run_id: str) -> ResponseReturnValue:
    """Have a finished run executed again; the verification says what comes of it."""
    submission.verify(run_id, settings=settings(), database=database(), launcher=launcher(), actor=actor())
    address = url_for("run_actions.show_verification", run_id=run_id)
    if wants_page():
        return redirect(address, 303)
    with database().read() as session:
        body = verification.read(session, run_id)
    return jsonify(body), 202, {"Location": address}


@bp.get("/verification")
def show_verification(run_id: str) -> ResponseReturnValue:
    """How the newest second execution of a run compares with what is stored."""
    with database().read() as session:
        compared = verification.read(session, run_id)
        if not wants_page():
            return jsonify(compared)
        run, again = runs.get(session, run_id), runs.get(session, compared["verification_run_id"])
        waiting = run_list.waiting_before(session, again) if again.status == Status.PENDING else 0
    return render_template(
        "verify.html",
        run=run,
        again=again,
        verification=compared,
        waiting=waiting,
        elapsed=serializers.elapsed_seconds(again),
    )


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
