"""Actions on a study: cancel, finish, delete, and a trial opened as an ordinary run."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError, InvalidRequest
from store.queries.studies import studies
from web.api import links
from web.auth.authentication import actor, client
from web.errors import wants_page
from web.runs.compare import MOST
from web.services import database, launcher, settings
from web.studies import schemas
from workflows.studies import submission

bp = Blueprint("study_actions", __name__, url_prefix="/studies/<study_id>")


@bp.post("/cancel")
def cancel(study_id: str) -> ResponseReturnValue:
    """Cancel a study that has not ended; one that has stays as it is."""
    cancelled = submission.cancel(database(), study_id, actor=actor())
    if wants_page():
        return _page_of(study_id)
    with database().read() as session:
        status = studies.get(session, study_id).status
    body: schemas.StudyCancelled = {"study_id": study_id, "cancelled": cancelled, "status": status}
    return jsonify(body)


@bp.post("/finish")
def finish(study_id: str) -> ResponseReturnValue:
    """Have the missing chunks of an ended study executed."""
    submission.resume(database(), study_id, actor=actor())
    if wants_page():
        return _page_of(study_id)
    with database().read() as session:
        study = studies.get(session, study_id)
    body: schemas.StudyAccepted = {
        "study_id": study_id,
        "status": study.status,
        "trials": study.trials,
        "links": links.of_study(study_id),
    }
    return jsonify(body), 202


@bp.post("/delete")
def delete(study_id: str) -> ResponseReturnValue:
    """Delete an ended study, then show the list."""
    submission.remove(database(), study_id, actor=actor())
    return redirect(url_for("study_pages.list_studies"), 303)


@bp.post("/trials/<int:trial>/run")
def run(study_id: str, trial: int) -> ResponseReturnValue:
    """Open a trial as an ordinary run, on the prices of the study."""
    run_id = submission.open_as_run(
        study_id, trial, settings=settings(), database=database(), launcher=launcher(), client=client(),
        symbol=request.args.get("symbol", "") or request.form.get("symbol", ""),
    )  # fmt: skip
    address = url_for("result_page.show", run_id=run_id)
    if wants_page():
        return redirect(address, 303)
    body: schemas.TrialRun = {"run_id": run_id, "links": links.of_run(run_id)}
    return jsonify(body), 202, {"Location": address}


@bp.post("/compare")
def compare(study_id: str) -> ResponseReturnValue:
    """Open up to ten trials as ordinary runs, side by side."""
    chosen = list(dict.fromkeys(request.form.getlist("trial")))
    if not 1 <= len(chosen) <= MOST or not all(_is_trial(text) for text in chosen):
        message = f"must be 1 to {MOST} trials of this study, got {len(chosen)}"
        raise InvalidRequest([FieldError("trial", message, chosen[: MOST + 1])])
    run_ids = [
        submission.open_as_run(
            study_id, int(text), settings=settings(), database=database(), launcher=launcher(),
            client=client(), symbol=request.form.get("symbol", ""),
        )
        for text in chosen
    ]  # fmt: skip
    return redirect(url_for("pages.compare_runs", run=run_ids, differences="true"), 303)


def _is_trial(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _page_of(study_id: str) -> ResponseReturnValue:
    return redirect(url_for("study_pages.show", study_id=study_id), 303)
