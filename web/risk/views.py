"""The rolling metrics that the room of the risk draws."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, jsonify, request

from web.api import chart_schemas
from web.api.request_parsing import query_number, query_window
from web.presentation.decimation import as_lists, between
from web.results.curves import account_of
from web.results.stored_curves import finished_run, require
from web.risk import rolling
from web.services import database

bp = Blueprint("risk", __name__, url_prefix="/api/runs/<run_id>")


@bp.get("/rolling")
def rolled(run_id: str) -> Response:
    """Metrics of a moving window of so many returns between two moments, with every peak and trough of them."""
    length = query_number("window", 126, 2, 1_000_000)
    points = query_number("points", 2_000, 10, 20_000)
    first, last = query_window()
    run, stored = finished_run(run_id)
    etag = f"{run.result_hash}-rolling-{length}-{first}-{last}-{points}"
    if request.if_none_match.contains_weak(etag):
        return Response(status=304)
    with database().read() as session:
        summary = require(session, run_id).summary
    times, curves = rolling.curves(account_of(stored, summary, run.initial_capital), length)
    part = between(times, first, last)
    thinned = as_lists(times[part], {name: curve[part] for name, curve in curves.items()}, points, digits=5)
    body = {"bars": len(times), "bars_in_range": part.stop - part.start, "window": length} | thinned
    response = jsonify(cast(chart_schemas.RollingMetrics, body))
    response.set_etag(etag, weak=True)
    return response
