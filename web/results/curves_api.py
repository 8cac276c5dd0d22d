"""What the charts of a page ask for: curves of a run, thinned for a screen."""

from __future__ import annotations

import base64
from typing import cast

from flask import Blueprint, Response, abort, jsonify, request

from backtest.errors import FieldError, InvalidRequest
from store.queries import results
from web.api import schemas
from web.api.request_parsing import query_number, query_window
from web.presentation import charts
from web.presentation.decimation import as_lists, between
from web.results import curves as run_curves
from web.results.stored_curves import finished_run
from web.services import database

bp = Blueprint("curves", __name__, url_prefix="/api/runs/<run_id>")


@bp.get("/curves")
def curves(run_id: str) -> Response:
    """Named curves of a run between two moments, with every peak and trough of them."""
    names = _names()
    points = query_number("points", 2_000, 10, 20_000)
    first, last = query_window()
    symbol = request.args.get("symbol", "")
    run, stored = finished_run(run_id)
    etag = f"{run.result_hash}-{'.'.join(names)}-{first}-{last}-{points}-{symbol[:32]}"
    if request.if_none_match.contains_weak(etag):
        return Response(status=304)
    by_name = {name: run_curves.curve(run, stored, name, symbol) for name in names}
    part = between(stored.times, first, last)
    thinned = as_lists(stored.times[part], {name: curve[part] for name, curve in by_name.items()}, points)
    body = {"bars": len(stored.times), "bars_in_range": part.stop - part.start} | thinned
    response = jsonify(cast(schemas.Curves, body))
    response.set_etag(etag, weak=True)
    return response


@bp.get("/charts/<name>.png")
def picture(run_id: str, name: str) -> Response:
    """One Matplotlib chart as a PNG, for pages without scripts."""
    run, stored = finished_run(run_id)
    with database().read() as session:
        pnl = results.closed_pnl(session, run_id).pnl
    drawn = charts.of_run(run.run_id, str(run.result_hash), stored, pnl)
    if name not in drawn:
        abort(404, f"chart {name[:40]} does not exist; available: {', '.join(drawn)}")
    return Response(base64.b64decode(drawn[name]), mimetype="image/png")


def _names() -> list[str]:
    """The curves that are asked for, each once however often it is named: some take a scan of every trade."""
    names = list(dict.fromkeys(name for name in request.args.get("names", "equity").split(",") if name))
    unknown = [name for name in names if name not in run_curves.NAMES]
    if unknown or not names:
        message = f"must be some of {', '.join(run_curves.NAMES)}, got {unknown[:3]}"
        raise InvalidRequest([FieldError("names", message, names[:9])])
    return names
