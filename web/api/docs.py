"""The interface's description: OpenAPI for machines, a page for people."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template

from backtest.run.request import REQUEST_FIELDS
from web.api import openapi

bp = Blueprint("docs", __name__)


@bp.get("/openapi.json")
def description() -> Response:
    """The OpenAPI 3.1 description of everything that programs may call."""
    return jsonify(openapi.document())


@bp.get("/docs")
def page() -> str:
    """The same, to be read."""
    return render_template("docs.html", document=openapi.document(), fields_listed=REQUEST_FIELDS)
