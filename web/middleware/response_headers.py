"""The headers of every answer."""

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


def register(app: Flask) -> None:
    """Add headers after every view."""
    app.after_request(add_headers)


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
