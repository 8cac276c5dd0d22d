"""Renders the page with the submit form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import render_template, url_for

from backtest.errors import FieldError
from store.queries import datasets, presets, run_list
from web.services import database
from web.submission import form

_NEWEST = 8
_MOST_SYMBOLS = 500


def render_form(values: Mapping[str, str], errors: Sequence[FieldError] = ()) -> str:
    """The form with these values, and each error at its field."""
    with database().read() as session:
        symbols = datasets.current(session, limit=_MOST_SYMBOLS)
        newest = run_list.page(session, limit=_NEWEST).runs
        saved = presets.list_all(session)
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
