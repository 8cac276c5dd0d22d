"""The page of all datasets, which also shows what was wrong with a file or a symbol."""

from __future__ import annotations

from dataclasses import fields

from flask import render_template, request

from backtest.prices.reading.options import CHOICES, HELP, ReadOptions
from store.queries import datasets
from web.services import database, services, settings

MOST_LISTED = 1_000

READING_OPTIONS = tuple(
    {
        "name": option.name,
        "label": option.name.replace("_", " ").capitalize(),
        "choices": CHOICES.get(option.name, ()),
        "help": HELP[option.name],
    }
    for option in fields(ReadOptions)
)
"""The reading options as fields of the upload form."""


def render(error: Exception | None = None, *, form: str = "upload") -> str:
    """The page; an error is shown beside the form that it came from."""
    with database().read() as session:
        current = datasets.current(session, limit=MOST_LISTED)
    return render_template(
        "datasets.html",
        datasets=current,
        error=error,
        wrong_form=form,
        typed=_typed(),
        back=back_to_form(),
        largest=settings().max_upload_mib,
        yahoo_installed=services().yahoo.installed,
        reading_options=READING_OPTIONS,
    )


def _typed() -> dict[str, str]:
    """What was typed, or the symbol that the address names for both forms."""
    symbol = request.args.get("symbol", "")[:32]
    return {"symbol": symbol, "yahoo_symbol": symbol} | request.form.to_dict()


def back_to_form() -> str | None:
    """The address of the submit form that waits for these prices; None where none does, or it is not ours."""
    wanted = request.values.get("next", "")
    is_form = wanted == "/" or wanted.startswith("/?")
    return wanted if is_form and wanted.isprintable() else None
