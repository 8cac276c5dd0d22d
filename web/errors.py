"""Turns exceptions into answers: problem+json for programs, a page for people."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, Unauthorized

from backtest.errors import FieldError, InvalidBars, InvalidFile, InvalidRequest
from backtest.expression.errors import PlacedError
from store.errors import (
    UNAVAILABLE,
    Conflict,
    NotAllowed,
    QuotaExceeded,
    SchemaBehind,
    UnknownDataset,
    UnknownRun,
    UnknownStudy,
)
from web.api import schemas
from web.datasets.yahoo import YahooNotInstalled, YahooUnavailable
from workflows.errors import LimitExceeded, ParserBusy

PROBLEM = "application/problem+json"
_CAPACITY_RETRY_SECONDS, _UNAVAILABLE_RETRY_SECONDS = 2, 3
_LOG = structlog.get_logger("web.errors")


class AtCapacity(Exception):
    """Every slot is taken, and enough requests wait for one."""


class SignInRefused(Exception):
    """Signing in failed, or this person may not; the text says why and what to do."""

    def __init__(self, message: str, *, status: int = 401) -> None:
        self.status = status
        super().__init__(message)


def register(app: Flask) -> None:
    """Handle every exception that a view may raise."""
    app.register_error_handler(InvalidRequest, _invalid_request)
    app.register_error_handler(InvalidFile, _invalid_file)
    app.register_error_handler(InvalidBars, _invalid_bars)
    app.register_error_handler(Conflict, lambda error: answer(409, str(error)))
    app.register_error_handler(NotAllowed, lambda error: answer(403, str(error)))
    app.register_error_handler(UnknownRun, lambda error: answer(404, str(error)))
    app.register_error_handler(UnknownStudy, lambda error: answer(404, str(error)))
    app.register_error_handler(UnknownDataset, lambda error: answer(404, str(error)))
    app.register_error_handler(QuotaExceeded, quota_exceeded)
    app.register_error_handler(AtCapacity, _at_capacity)
    app.register_error_handler(SchemaBehind, lambda error: answer(503, str(error)))
    app.register_error_handler(YahooNotInstalled, lambda error: answer(501, str(error)))
    app.register_error_handler(YahooUnavailable, lambda error: answer(503, str(error)))
    app.register_error_handler(ParserBusy, _parser_busy)
    for unavailable in UNAVAILABLE:
        app.register_error_handler(unavailable, _database_unavailable)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(Unauthorized, _unauthorized)
    app.register_error_handler(SignInRefused, lambda error: answer(error.status, str(error)))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _internal_error)


def wants_page() -> bool:
    """Whether a person looks at the answer, rather than a program."""
    if request.path.startswith(("/api/", "/status/")) or request.is_json:
        return False
    best = request.accept_mimetypes.best_match(["application/json", "text/html"], default="application/json")
    return best == "text/html" and "text/html" in request.headers.get("Accept", "")


def problem(status: int, detail: str, **more: Any) -> Response:
    """The error as problem+json (RFC 9457)."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    text = json.dumps(body | more, ensure_ascii=True, default=str, allow_nan=False)
    return Response(text, status, mimetype=PROBLEM)


def answer(status: int, detail: str, **more: Any) -> Response:
    """The error in the shape that the caller reads."""
    if not wants_page():
        return problem(status, detail, **more)
    page = render_template(
        "error.html", status=status, title=HTTPStatus(status).phrase, detail=detail, **more
    )
    return Response(page, status, mimetype="text/html")


def as_json(error: FieldError) -> schemas.FieldError:
    """One wrong field for problem+json; long values are cut."""
    shown: schemas.FieldError = {
        "field": error.field,
        "message": _shown(error.message, 2_000),
        "value": _plain(error.value),
    }
    if isinstance(error, PlacedError):
        shown |= {"line": error.line, "column": error.column}
    return shown


def _plain(value: object) -> Any:
    """The value if JSON has it and it is short, else a text of it."""
    if value is None or (isinstance(value, bool | int) and abs(value) < 2**53):
        return value
    return _shown(value if isinstance(value, str) else repr(value), 200)


def _shown(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def status_of(error: InvalidRequest) -> int:
    """400 for what can never be right, 422 for what is right and too much."""
    return 422 if isinstance(error, LimitExceeded) else 400


def quota_exceeded(error: QuotaExceeded) -> Response:
    """429, with when to come back."""
    seconds = error.retry_after_seconds
    return _with_retry_after(answer(429, str(error), retry_after_seconds=seconds), seconds)


def _invalid_request(error: InvalidRequest) -> Response:
    listed = [as_json(field_error) for field_error in error.errors]
    detail = "; ".join(": ".join(filter(None, (each["field"], each["message"]))) for each in listed)
    return answer(status_of(error), _shown(detail, 4_000), errors=listed)


def _invalid_file(error: InvalidFile) -> Response:
    listed = [
        {
            "field": mistake.field or "file",
            "message": mistake.message,
            "value": mistake.date or None,
            "line": mistake.line,
        }
        for mistake in error.errors
    ]
    return answer(400, str(error), errors=listed)


def _invalid_bars(error: InvalidBars) -> Response:
    return answer(
        400, str(error), errors=[{"field": error.field, "message": str(error), "value": error.date}]
    )


def _too_large(error: RequestEntityTooLarge) -> Response:
    most_kib = (request.max_content_length or 0) / 1024
    shown = f"{most_kib / 1024:g} MiB" if most_kib >= 1024 else f"{most_kib:g} KiB"
    return answer(413, f"the request is too large: at most {shown} are allowed")


def _at_capacity(_error: AtCapacity) -> Response:
    response = answer(
        503, f"the server is at capacity; the request was not processed, retry in {_CAPACITY_RETRY_SECONDS} s"
    )
    return _with_retry_after(response, _CAPACITY_RETRY_SECONDS)


def _parser_busy(error: ParserBusy) -> Response:
    return _with_retry_after(answer(503, str(error)), _CAPACITY_RETRY_SECONDS)


def _with_retry_after(response: Response, seconds: int) -> Response:
    response.headers["Retry-After"] = str(seconds)
    return response


def _unauthorized(error: Unauthorized) -> Response:
    """401; a token that was sent is called invalid (RFC 6750)."""
    response = answer(401, error.description or "sign in first")
    invalid = ', error="invalid_token"' if "Authorization" in request.headers else ""
    response.headers["WWW-Authenticate"] = f'Bearer realm="stock-backtest"{invalid}'
    return response


def _http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    response = answer(error.code, error.description or error.name)
    if error.code == 405:
        response.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
    return response


def _database_unavailable(error: Exception) -> Response:
    _LOG.error("database unreachable", error=type(error).__name__)
    response = answer(503, "the database is temporarily unreachable; no data was lost, try again shortly")
    return _with_retry_after(response, _UNAVAILABLE_RETRY_SECONDS)


def _internal_error(error: Exception) -> Response:
    _LOG.error("unexpected error", path=request.path, exc_info=error)
    return answer(500, "internal error; the server log has the details")
