"""Has the whole body of a request before anything is done for it, and says how large it may be."""

from __future__ import annotations

from flask import Flask, abort, request
from werkzeug.exceptions import ClientDisconnected

from web.services import settings

_UPLOADS = ("/datasets", "/datasets/preview", "/api/datasets")
_PRESETS = "/api/strategies"
_PRESET_KIB = 64
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


def register(app: Flask) -> None:
    """Limit and read bodies before a slot is taken for the request."""
    app.before_request(limit_body)
    app.before_request(receive_body)


def limit_body() -> None:
    """Only uploads may be large; presets are kept for good, and are small."""
    if request.path in _UPLOADS:
        return
    most_kib = settings().limits.request_kib
    request.max_content_length = 1024 * (min(most_kib, _PRESET_KIB) if request.path == _PRESETS else most_kib)


def receive_body() -> None:
    """Wait for the body here, where a client that stops sending it holds no slot.

    An upload is large and read as it comes, once it is known who sends it.
    """
    if request.endpoint is None or request.path in _UPLOADS or request.method not in _WITH_BODY:
        return
    try:
        request.get_data()
    except ClientDisconnected:
        seconds = settings().limits.client_seconds
        abort(408, f"the request did not arrive within {seconds} seconds; send it again")
