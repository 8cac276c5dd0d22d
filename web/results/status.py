"""GET /status/<run_id>: everything about a run in one answer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from store.models import Status
from store.queries import runs
from web.api.request_parsing import query_flag, query_number
from web.middleware.compression import CompressedResponse
from web.results import status_answer
from web.runs import annotation
from web.services import database

MOST_POINTS = 20_000

bp = Blueprint("status", __name__)


@bp.get("/status/<run_id>")
def show(run_id: str) -> Response:
    """The run, with its result once there; `charts=false` omits pictures, `points` thins curves."""
    with_charts = query_flag("charts", default=True)
    points = query_number("points", 5_000, 2, MOST_POINTS)
    with database().read() as session:
        run = runs.get(session, run_id)
        if run.status != Status.SUCCEEDED:
            return jsonify(status_answer.unfinished(session, run))
    etag = f"{run.result_hash}-{points}-{with_charts}-{annotation.digest(run)}"
    if request.if_none_match.contains_weak(etag):
        return Response(status=304, headers={"ETag": f'W/"{etag}"'})
    body = status_answer.finished_json(run, etag, points, with_charts)
    response = CompressedResponse(body, mimetype="application/json")
    response.set_etag(etag, weak=True)
    return response
