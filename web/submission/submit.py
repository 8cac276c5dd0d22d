"""Submitting a run, and asking beforehand what would happen."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError, InvalidRequest
from backtest.run.request import RunRequest
from store.errors import QuotaExceeded
from store.models import Status
from web.api import links, schemas
from web.api.request_parsing import idempotency_key
from web.auth.authentication import client
from web.errors import status_of, wants_page
from web.services import database, launcher, settings
from web.submission import form, percentages
from web.submission.form_rendering import missing_symbols, render_form
from web.submission.received import FORMS, received, refusal
from workflows import limits, submission

_BARS_PER_SECOND = 400_000
_FIXED_SECONDS = 0.08

bp = Blueprint("submit", __name__)


@bp.post("/run_backtest")
def run_backtest() -> ResponseReturnValue:
    """Queue a backtest: 202 and where to watch it; a form is redirected to the page of its run."""
    is_page = request.mimetype in FORMS and wants_page()
    try:
        run_id = _submit(received())
    except InvalidRequest as invalid:
        if is_page:
            errors = percentages.told(invalid.errors, request.form)
            return render_form(form.from_form(request.form), errors), status_of(invalid)
        raise
    except QuotaExceeded as exceeded:
        if is_page:
            return _try_later(exceeded)
        raise
    if is_page:
        return redirect(url_for("result_page.show", run_id=run_id), 303)
    return _accepted(run_id)


@bp.post("/api/check")
def check() -> ResponseReturnValue:
    """What a submission of this request would do, or every mistake in it; nothing is stored."""
    body: schemas.Check
    try:
        body = _plan(limits.read(received(), settings().limits))
    except InvalidRequest as invalid:
        with database().read() as session:
            missing = missing_symbols(session, invalid.errors)
        body = {"ok": False, "errors": refusal(invalid), "missing": missing}
    return jsonify(body)


def _submit(raw: Any) -> str:
    return submission.submit(
        raw,
        settings=settings(),
        database=database(),
        launcher=launcher(),
        idempotency_key=idempotency_key(),
        client=client(),
    )


def _plan(asked: RunRequest) -> schemas.Check:
    """The bars of a run, and about how long it takes."""
    with database().read() as session:
        asked, span = submission.pinned(session, asked, settings().limits)
    span = span.warmed_up(asked.rule().warmup)
    bars = len(span.times)
    return {
        "ok": True,
        "bars": bars,
        "warmup_bars": min(span.starts),
        "first_bar": str(span.times[0])[:10],
        "last_bar": str(span.times[-1])[:10],
        "seconds": round(_FIXED_SECONDS + bars * len(asked.symbols) / _BARS_PER_SECOND, 2),
        "caveats": [warning.as_json() for warning in span.warnings],
    }


def _try_later(exceeded: QuotaExceeded) -> Response:
    """The form with everything typed, to be sent again later."""
    page = render_form(form.from_form(request.form), [FieldError("", str(exceeded))])
    return Response(page, 429, {"Retry-After": str(exceeded.retry_after_seconds)}, mimetype="text/html")


def _accepted(run_id: str) -> Response:
    body: schemas.Accepted = {"run_id": run_id, "status": Status.PENDING, "links": links.of_run(run_id)}
    response = jsonify(body)
    response.status_code = 202
    response.headers["Location"] = url_for("status.show", run_id=run_id)
    return response
