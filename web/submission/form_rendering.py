"""Renders the page with the submit form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from flask import render_template, url_for
from sqlalchemy.orm import Session

from backtest.errors import FieldError
from backtest.prices.symbols import is_symbol
from store.queries import datasets, presets, run_list
from web.services import database, services
from web.submission import form

_NEWEST = 8
_MOST_SYMBOLS = 500
_LONGEST_BACK = 2_000
"""It is a part of another address, and servers cut those at 4,094 characters."""


def render_form(values: Mapping[str, str], errors: Sequence[FieldError] = ()) -> str:
    """The form with these values, and each error at its field."""
    with database().read() as session:
        symbols = datasets.current(session, limit=_MOST_SYMBOLS)
        newest = run_list.page(session, limit=_NEWEST).runs
        saved = presets.list_all(session)
        missing = missing_symbols(session, errors)
    return render_template(
        "home.html",
        values=values,
        errors=form.by_field(errors),
        rule=form.rule_of(values),
        rules=form.every_rule(),
        symbols=symbols,
        newest=newest,
        presets=saved,
        missing=missing,
        yahoo_installed=services().yahoo.installed,
        back=_back(values) if missing else None,
        action=url_for("submit.run_backtest"),
    )


def missing_symbols(session: Session, errors: Sequence[FieldError]) -> list[str]:
    """The symbols among these mistakes that have no prices."""
    named = [str(error.value) for error in errors if error.field in ("symbols", "benchmark") and error.value]
    wanted = dict.fromkeys(name for name in named if is_symbol(name))
    known = {name.upper() for name in datasets.spellings(session, list(wanted))} if wanted else set()
    return [name for name in wanted if name.upper() not in known]


def _back(values: Mapping[str, str]) -> str | None:
    """The address of the form with these values; None where it would be too long for an address."""
    kept = {
        name: value for name, value in values.items() if name in form.FIELDS or name.startswith(form.PARAM)
    }
    address = f"{url_for('form_page.home')}?{urlencode(kept)}"
    return address if len(address) <= _LONGEST_BACK else None
