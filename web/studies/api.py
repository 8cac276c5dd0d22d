"""Studies and their trials as JSON."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from store.models import Status
from store.queries.studies import chunks, studies
from web.api import links
from web.api.request_parsing import query_choice
from web.auth.authentication import actor
from web.services import database
from web.studies import heatmap as heatmaps
from web.studies import listing, schemas, serializers, shown, trial_query
from workflows.studies import submission

bp = Blueprint("study_api", __name__, url_prefix="/api/studies")


@bp.get("")
def list_studies() -> Response:
    """Studies in pages, the newest first; `next` is the address of the following page."""
    with database().read() as session:
        found, following = listing.read(session, "study_api.list_studies")
    body: schemas.Studies = {"studies": [serializers.brief(study) for study in found], "next": following}
    return jsonify(body)


@bp.get("/<study_id>")
def study(study_id: str) -> Response:
    """One study: what was asked for, how far it is, and what it found once there."""
    with database().read() as session:
        found = studies.get(session, study_id)
        body: schemas.Study = {
            **serializers.brief(found),
            "request": found.request,
            "data_hashes": found.data_hashes,
            "summary": studies.summary_of(session, study_id),
            "failures": [serializers.failure(chunk) for chunk in chunks.failures(session, study_id)],
            "links": links.of_study(study_id),
        }
        if found.status == Status.PENDING:
            body["waiting_before"] = studies.waiting_before(session, found)
    return jsonify(body)


@bp.get("/<study_id>/trials")
def trials(study_id: str) -> Response:
    """Trials in pages; `next` is the address of the following page."""
    with database().read() as session:
        table = shown.read(session, studies.get(session, study_id), request.args.get("symbol", ""))
    page = trial_query.page(table, request.args)
    following = None
    if page.after is not None:
        query = {name: value for name, value in request.args.items() if name != "after"}
        following = url_for("study_api.trials", study_id=study_id, **query, after=page.after)  # type: ignore[arg-type]
    body: schemas.Trials = {
        "trials": [table.trial_json(trial) for trial in page.trials],  # type: ignore[misc]
        "known": int(table.known.sum()),
        "next": following,
    }
    return jsonify(body)


@bp.get("/<study_id>/heatmap")
def heatmap(study_id: str) -> Response:
    """The trials over two inputs, the others taken together."""
    value = query_choice("value", "best", shown.CELL_VALUES)
    with database().read() as session:
        table = shown.read(session, studies.get(session, study_id), request.args.get("symbol", ""))
    found = heatmaps.cells(table, request.args.get("x", ""), request.args.get("y", ""), value)
    return jsonify(found.as_json())


@bp.delete("/<study_id>")
def delete(study_id: str) -> ResponseReturnValue:
    """Delete an ended study; the ledger keeps what was tried."""
    submission.remove(database(), study_id, actor=actor())
    return "", 204
