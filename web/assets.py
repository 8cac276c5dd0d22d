"""Style sheets and scripts: served by us, versioned by content, cached for ever."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, request, url_for

_FOLDER = Path(__file__).parent / "static"
_CHARTS = "lightweight-charts.js"
_FOR_EVER = "public, max-age=31536000, immutable"

bp = Blueprint("assets", __name__)


def register(app: Flask) -> None:
    """Serve the assets, and let templates name them by `asset(name)`."""
    app.register_blueprint(bp)
    app.jinja_env.globals["asset"] = asset


def asset(name: str) -> str:
    """The address of an asset; it changes when the content does."""
    return url_for("assets.show", name=name, v=_digest(name)[:12])


@bp.get("/static/<path:name>")
def show(name: str) -> Response:
    """One asset; without the version of its content it is asked for anew each time."""
    path = _path(name)
    if path is None:
        abort(404)
    response = Response(_content(name), mimetype=guess_type(name)[0] or "application/octet-stream")
    if (response.mimetype or "").startswith("text/") and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.set_data(_zipped(name))
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.set_etag(_digest(name))
    versioned = request.args.get("v") == _digest(name)[:12]
    response.headers["Cache-Control"] = _FOR_EVER if versioned else "no-cache"
    response.make_conditional(request)
    return response


def _path(name: str) -> Path | None:
    if name == _CHARTS:
        return _charts_path()
    path = _FOLDER / name
    known = {found.relative_to(_FOLDER).as_posix() for found in _FOLDER.rglob("*") if found.is_file()}
    return path if name in known else None


@cache
def _charts_path() -> Path:
    # found without importing the package, which would import pandas
    spec = find_spec("lwcharts")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "vendor" / "lightweight-charts.standalone.production.js"


@cache
def _content(name: str) -> bytes:
    path = _path(name)
    assert path is not None
    return path.read_bytes()


@cache
def _zipped(name: str) -> bytes:
    return gzip.compress(_content(name), compresslevel=9, mtime=0)


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()


def text(name: str) -> str:
    """An asset as text, to be put into a page that must need nothing else."""
    return _content(name).decode("utf-8")
