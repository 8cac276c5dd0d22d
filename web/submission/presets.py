"""Saved fillings of the form."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError
from backtest.run.request import REQUEST_FIELDS
from store.queries import presets
from web.api import schemas, serializers
from web.api.request_parsing import json_object
from web.services import database, now
from web.submission import form

NAME = Field(
    name="name", kind="text", label="Name", required=True, max_length=100, help="Name of the preset."
)
_NAMES = tuple(field.name for field in REQUEST_FIELDS)

bp = Blueprint("presets", __name__, url_prefix="/api/strategies")


@bp.get("")
def every() -> ResponseReturnValue:
    """All presets by name."""
    with database().read() as session:
        body: schemas.Presets = {
            "strategies": [serializers.preset(preset) for preset in presets.list_all(session)]
        }
    return jsonify(body)


@bp.post("")
def save() -> ResponseReturnValue:
    """Keep a filling of the form under a name, in place of what the name held."""
    if request.is_json:
        raw = json_object()
        name, body, unknown = raw.get("name"), raw.get("request"), set(raw) - {"name", "request"}
    else:
        name, body, unknown = request.form.get("preset_name"), form.to_request(request.form), set()
    name, body = _checked(name, body, unknown)
    with database().write() as session:
        saved = serializers.preset(presets.save(session, name, body, now=now()))
    if request.is_json:
        return jsonify(saved), 201
    return redirect(url_for("form_page.home", preset=saved["id"]), 303)


@bp.delete("/<int:preset_id>")
def remove(preset_id: int) -> ResponseReturnValue:
    """Delete a preset."""
    _remove(preset_id)
    return "", 204


@bp.post("/<int:preset_id>/delete")
def remove_by_form(preset_id: int) -> ResponseReturnValue:
    """Delete a preset, from a page without scripts."""
    _remove(preset_id)
    return redirect(url_for("form_page.home"), 303)


def _remove(preset_id: int) -> None:
    with database().write() as session:
        if preset_id > 2**31 - 1 or not presets.remove(session, preset_id):
            abort(404, f"there is no preset {preset_id}")


def _checked(name: object, body: object, unknown: set[str]) -> tuple[str, dict[str, Any]]:
    errors = [FieldError(other, "is not known; allowed: name, request") for other in sorted(unknown)]
    try:
        text = str(NAME.parse(name)).strip()
    except ValidationError as error:
        text = ""
        errors.append(FieldError("name", str(error), name))
    else:
        if not text or not text.isprintable():
            errors.append(FieldError("name", "must be a text of 1 to 100 printable characters", name))
    if not isinstance(body, dict):
        errors.append(FieldError("request", "must be an object with the fields of a request", body))
        body = {}
    errors += [
        FieldError(f"request.{other}", f"is not known; allowed: {', '.join(_NAMES)}")
        for other in body
        if other not in _NAMES
    ]
    errors += [
        FieldError(f"request.{other}", "must hold no number beyond 1.8e308", value)
        for other, value in body.items()
        if other in _NAMES and not _can_be_kept(value)
    ]
    if errors:
        raise InvalidRequest(errors)
    return text, {key: value for key, value in body.items() if key != "run_id"}


def _can_be_kept(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
