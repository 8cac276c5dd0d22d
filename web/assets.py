"""Style sheets and scripts: served by us, versioned by content, cached for ever."""

from __future__ import annotations

from mimetypes import guess_type

from flask import Blueprint, Flask, Response, abort, request, url_for

from web import static_files

_FOR_EVER = "public, max-age=31536000, immutable"

bp = Blueprint("assets", __name__)


def register(app: Flask) -> None:
    """Serve the assets, and let templates name them by `asset(name)`."""
    app.register_blueprint(bp)
    app.jinja_env.globals["asset"] = asset


def asset(name: str) -> str:
    """The address of an asset; it changes when the content does."""
    return url_for("assets.show", name=name, v=_version(name))


@bp.get("/static/<path:name>")
def show(name: str) -> Response:
    """One asset; without the version of its content it is revalidated each time."""
    if not static_files.exists(name):
        abort(404)
    response = Response(
        static_files.content(name), mimetype=guess_type(name)[0] or "application/octet-stream"
    )
    if (response.mimetype or "").startswith("text/") and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.set_data(static_files.gzipped(name))
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.set_etag(static_files.digest(name))
    versioned = request.args.get("v") == _version(name)
    response.headers["Cache-Control"] = _FOR_EVER if versioned else "no-cache"
    response.make_conditional(request)
    return response


def _version(name: str) -> str:
    return static_files.digest(name)[:12]
