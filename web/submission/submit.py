"""Submitting a run, and asking beforehand what would happen."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import UnsupportedMediaType

from backtest.errors import FieldError, InvalidRequest
from store.errors import QuotaExceeded
from web.api import links
from web.api.request_parsing import json_body
from web.auth.authentication import client
from web.errors import as_json, status_of, wants_page
from web.services import database, launcher, settings
from web.submission import form
from web.submission.form_rendering import render_form
from workflows import limits, submission

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_KEY_LENGTH = 128
_BARS_PER_SECOND = 400_000
_FIXED_SECONDS = 0.08

bp = Blueprint("submit", __name__)


@bp.post("/run_backtest")
def run_backtest() -> ResponseReturnValue:
    """Queue a backtest: 202 and where to watch it; a form is sent on to the page of its run."""
    from_form = request.mimetype in _FORMS
    try:
        raw = _received()
        run_id = submission.submit(
            settings(), database(), launcher(), raw, _kept(raw), _idempotency_key(), client()
        )
    except InvalidRequest as invalid:
        if from_form and wants_page():
            return render_form(form.from_form(request.form), invalid.errors), status_of(invalid)
        raise
    except QuotaExceeded as exceeded:
        if from_form and wants_page():
            return _come_back(exceeded)
        raise
    if from_form and wants_page():
        return redirect(url_for("result_page.show", run_id=run_id), 303)
    return _accepted(run_id)


@bp.post("/api/check")
def check() -> ResponseReturnValue:
    """What a submission of this request would do, or every mistake in it; nothing is stored."""
    try:
        wanted = limits.read(_received(), settings().limits)
        with database().read() as session:
            aligned = submission.pin(session, wanted, settings().limits)
    except InvalidRequest as invalid:
        return jsonify(ok=False, errors=[as_json(error) for error in invalid.errors])
    bars = len(aligned.bars) - aligned.start
    work = len(aligned.bars) * len(wanted.symbols)
    return jsonify(
        ok=True,
        bars=bars,
        warmup_bars=aligned.start,
        first_bar=str(aligned.bars.times[aligned.start])[:10],
        last_bar=str(aligned.bars.times[-1])[:10],
        seconds=round(_FIXED_SECONDS + work / _BARS_PER_SECOND, 2),
        caveats=[warning.as_json() for warning in aligned.warnings],
    )


def _come_back(exceeded: QuotaExceeded) -> Response:
    """The form with everything typed, to be sent again later."""
    page = render_form(form.from_form(request.form), [FieldError("", str(exceeded))])
    return Response(page, 429, {"Retry-After": str(exceeded.retry_after_seconds)}, mimetype="text/html")


def _received() -> Any:
    if request.mimetype in _FORMS:
        return form.to_request(request.form)
    if request.is_json:
        return json_body()
    raise UnsupportedMediaType("send application/json, or a form")


def _kept(raw: Any) -> dict[str, Any]:
    return dict(raw) if isinstance(raw, dict) else {}


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > _KEY_LENGTH or not key.isascii() or not (key == "" or key.isprintable()):
        message = f"must be at most {_KEY_LENGTH} printable ASCII characters"
        raise InvalidRequest([FieldError("Idempotency-Key", message, key[:_KEY_LENGTH])])
    return key or None


def _accepted(run_id: str) -> Response:
    answer = jsonify(run_id=run_id, status="PENDING", links=links.of_run(run_id))
    answer.status_code = 202
    answer.headers["Location"] = url_for("status.show", run_id=run_id)
    return answer
