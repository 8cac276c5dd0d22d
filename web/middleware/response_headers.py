"""The headers of every answer, and how large a request may be."""

from __future__ import annotations

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
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

_PRESET_KIB = 64


def register(app: Flask) -> None:
    """Limit bodies before, and add headers after every view."""
    app.before_request(limit_body)
    app.after_request(add_headers)


def limit_body() -> None:
    """Only uploads may be large, and presets are kept for good, so that they are small."""
    if request.path not in ("/datasets", "/datasets/preview", "/api/datasets"):
        most_kib = settings().limits.request_kib
        request.max_content_length = 1024 * (
            min(most_kib, _PRESET_KIB) if request.path == "/api/strategies" else most_kib
        )


def add_headers(response: Response) -> Response:
    """Security headers on everything; nothing but assets is cached without asking us again."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", _caching())
    return response


def _caching() -> str:
    """Where people sign in, no copy stays behind on their disk; elsewhere a copy saves time once we confirm it."""
    return "no-cache" if settings().sign_in.mode == "off" else "no-store"
