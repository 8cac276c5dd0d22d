"""How every answer leaves: protected by headers and compressed."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

from web.services import settings

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_WORTH_ZIPPING = 1_000
_TEXTS = ("text/", "application/json", "application/problem+json", "image/svg+xml")


def register(app: Flask) -> None:
    """Attach the checks before, and the finish after every view."""
    app.before_request(limit_body)
    app.after_request(finish)


def limit_body() -> None:
    """Only uploads may be large."""
    if request.path not in ("/datasets", "/datasets/preview", "/api/datasets"):
        request.max_content_length = settings().limits.request_kib * 1024


def finish(response: Response) -> Response:
    """Security headers on everything; text compressed where the client takes it."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/static/"):
        return response
    response.headers.setdefault("Cache-Control", "no-cache")
    return _compressed(response)


def _compressed(response: Response) -> Response:
    if (
        not (response.mimetype or "").startswith(_TEXTS)
        or response.direct_passthrough
        or response.is_streamed
    ):
        return response
    response.vary.add("Accept-Encoding")
    wanted = "gzip" in request.headers.get("Accept-Encoding", "")
    if not wanted or response.status_code in (204, 304) or "Content-Encoding" in response.headers:
        return response
    body = response.get_data()
    if len(body) >= _WORTH_ZIPPING:
        response.set_data(gzip.compress(body, compresslevel=4, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        etag, _ = response.get_etag()
        if etag:
            response.set_etag(etag, weak=True)
    return response
