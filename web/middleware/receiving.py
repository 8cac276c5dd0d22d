"""Has the whole body of a request before anything is done for it, and says how large it may be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected

from web.errors import answer
from web.services import settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_UPLOADS = ("/datasets", "/datasets/preview", "/api/datasets")
_PRESETS = "/api/strategies"
_PRESET_KIB = 64
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


def register(app: Flask) -> None:
    """Limit and read bodies before a slot is taken for the request."""
    app.before_request(limit_body)
    app.before_request(receive_body)
    app.register_error_handler(ClientDisconnected, _incomplete)
    app.wsgi_app = _to_its_end(app.wsgi_app)  # type: ignore[method-assign,assignment]


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
    request.get_data()


def _incomplete(_error: ClientDisconnected) -> Response:
    seconds = settings().limits.client_seconds
    return answer(
        408,
        f"the request did not arrive within {seconds} seconds, or ended before its announced length; send it again",
    )


def _to_its_end(wsgi_app: WSGIApplication) -> WSGIApplication:
    """Half a file or half a form is not what was sent: a body of announced length is read to that length.

    Gunicorn calls its stream terminated, and Werkzeug believes that such a stream ends where the body does.
    """

    def run(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH"):
            environ.pop("wsgi.input_terminated", None)
        return wsgi_app(environ, start_response)

    return run
