"""Presets: saved values of the form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask import Blueprint, abort, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backtest import rules
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError, refused_null
from backtest.run.request import REQUEST_FIELDS
from store.models import Preset
from store.queries import audit, presets
from store.queries.audit import Action
from store.queries.tokens import Scope
from web import quota
from web.api import preset_schemas, serializers
from web.api.request_parsing import json_object
from web.auth.authentication import actor, client, identity
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
        listed = presets.list_all(session, with_bodies=True)
        body: preset_schemas.Presets = {"strategies": [serializers.preset(preset) for preset in listed]}
    return jsonify(body)


@bp.post("")
def save() -> ResponseReturnValue:
    """Store values of the form under a name, in place of what the name stood for."""
    preset = _read_preset()
    with database().write() as session:
        quota.spend(session)
        saved = serializers.preset(_save(session, preset))
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


def _save(session: Session, preset: _Preset) -> Preset:
    who = identity()
    is_admin = who is not None and who.scope.allows(Scope.ADMIN)
    saved, is_new = presets.save(
        session, preset.name, preset.request, client=client(), is_admin=is_admin, now=now()
    )
    action = Action.PRESET_CREATE if is_new else Action.PRESET_CHANGE
    audit.record(session, actor(), action, saved.id, now=now(), name=saved.name, saved_by=saved.client)
    return saved


def _remove(preset_id: int) -> None:
    with database().write() as session:
        preset = presets.find(session, preset_id) if preset_id < 2**31 else None
        if preset is None or not presets.remove(session, preset_id):
            abort(404, f"there is no preset {preset_id}")
        was = {"name": preset.name, "saved_by": preset.client}
        audit.record(session, actor(), Action.PRESET_DELETE, preset_id, now=now(), **was)


class _Preset(NamedTuple):
    name: str
    request: dict[str, Any]


def _read_preset() -> _Preset:
    """The preset in the request's JSON or form, or `InvalidRequest` with everything in it that is wrong."""
    errors: list[FieldError] = []
    if request.is_json:
        raw = json_object()
        unknown = sorted(set(raw) - {"name", "request"})
        errors += [FieldError(name, "is not a known field; allowed: name, request") for name in unknown]
        name, body = raw.get("name"), raw.get("request")
    else:
        name, body = request.form.get("preset_name"), form.to_request(request.form)
    preset = _Preset(_checked_name(name, errors), _checked_request(body, errors))
    if errors:
        raise InvalidRequest(errors)
    return preset


def _checked_name(raw: object, errors: list[FieldError]) -> str:
    try:
        name = str(NAME.parse(raw)).strip()
    except ValidationError as error:
        errors.append(FieldError("name", str(error), raw))
        return ""
    if not name or not name.isprintable():
        errors.append(FieldError("name", "must be text of 1 to 100 printable characters", raw))
    return name


def _checked_request(raw: object, errors: list[FieldError]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        errors.append(FieldError("request", "must be an object of request fields", raw))
        return {}
    allowed = f"is not a known field; allowed: {', '.join(_NAMES)}"
    errors += [FieldError(f"request.{name}", allowed) for name in raw if name not in _NAMES]
    errors += [
        FieldError(f"request.{name}", "must not contain a number beyond 1.8e308", value)
        for name, value in raw.items()
        if name in _NAMES and not _is_json(value)
    ]
    errors += _nulls(REQUEST_FIELDS, raw, "request.")
    rule, params = raw.get("rule_type"), raw.get("params")
    if isinstance(params, dict) and isinstance(rule, str) and rule in rules.names():
        errors += _nulls(rules.get(rule).params, params, "request.params.")
    return {name: value for name, value in raw.items() if name != "run_id"}


def _nulls(fields: Iterable[Field], raw: Mapping[str, Any], prefix: str) -> list[FieldError]:
    """Nulls that a run would refuse: a preset may be a draft, but keeps no value that means none."""
    return [
        refused_null(field, prefix)
        for field in fields
        if field.default is not None and field.name in raw and raw[field.name] is None
    ]


def _is_json(value: object) -> bool:
    """Whether JSON can hold it; Python reads 1e999 as infinity, which JSON does not have."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
