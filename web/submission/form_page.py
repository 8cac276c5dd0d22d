"""The page with the submit form, filled from an example, a preset, an earlier run, or what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError
from store.models import Preset
from store.queries import datasets, presets, runs
from web.services import database
from web.submission import form

NEWEST = 8
_MOST_SYMBOLS = 500

bp = Blueprint("form_page", __name__)


@bp.get("/")
def home() -> str:
    """The submit form with the newest runs."""
    return show_form(_filling(), ())


@bp.get("/fragments/params")
def params() -> ResponseReturnValue:
    """The parameter fields of one rule, for the page to put in place of another's."""
    values = form.from_form(request.args)
    return render_template("fragments/params.html", rule=form.rule_of(values), values=values, errors={})


def show_form(values: Mapping[str, str], errors: Sequence[FieldError]) -> str:
    """The form with these values, and each error at its field."""
    with database().read() as session:
        symbols = datasets.current(session, limit=_MOST_SYMBOLS)
        newest = runs.page(session, limit=NEWEST).runs
        saved: Sequence[Preset] = presets.every(session)
    return render_template(
        "home.html",
        values=values,
        errors=form.by_field(errors),
        rule=form.rule_of(values),
        rules=form.every_rule(),
        symbols=symbols,
        newest=newest,
        presets=saved,
        action=url_for("submit.run_backtest"),
    )


def _filling() -> dict[str, str]:
    """Defaults, under the run or preset that the address names, under what the address itself holds."""
    values = form.defaults()
    with database().read() as session:
        if run_id := request.args.get("run", ""):
            values = form.from_request(runs.request_of(runs.get(session, run_id)).as_json())
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
