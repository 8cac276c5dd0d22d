"""The page with the submit form, filled from an example, a preset, an earlier run, or what was typed."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from store.queries import presets, runs
from web.services import database
from web.submission import form
from web.submission.form_rendering import render_form

bp = Blueprint("form_page", __name__)


@bp.get("/")
def home() -> str:
    """The submit form with the newest runs."""
    return render_form(_initial_values())


@bp.get("/fragments/params")
def params() -> ResponseReturnValue:
    """The parameter fields of one rule, for the page to put in place of another's."""
    values = form.from_form(request.args)
    return render_template("fragments/params.html", rule=form.rule_of(values), values=values, errors={})


def _initial_values() -> dict[str, str]:
    """Defaults, under the run or preset that the address names, under what the address itself holds."""
    values = form.defaults()
    with database().read() as session:
        if run_id := request.args.get("run", ""):
            values = form.from_request(runs.request_json(runs.get(session, run_id)))
        preset_id = request.args.get("preset", "")
        preset = (
            presets.find(session, int(preset_id)) if preset_id.isdigit() and len(preset_id) < 10 else None
        )
    if preset is not None:
        values = _without_params(values) | form.from_request(preset.body)
    typed = {name: value for name, value in form.from_form(request.args).items() if _is_field(name)}
    if typed.get("rule_type", values.get("rule_type")) != values.get("rule_type"):
        values = _without_params(values)
    return values | typed


def _is_field(name: str) -> bool:
    return name in form.FIELDS or name.startswith(form.PARAM)


def _without_params(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if not name.startswith(form.PARAM)}
