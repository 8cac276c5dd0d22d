"""Fractions of a request that the form shows in percent, digit for digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from werkzeug.datastructures import MultiDict

from backtest.errors import FieldError
from backtest.fields import Field
from backtest.run.request import REQUEST_FIELDS
from backtest.written_numbers import Unclear, plain

MARK = "percent"
"""The form sends the names of the fields that it shows in percent; a program's form holds fractions."""
HELP: Mapping[str, str] = {
    "fee_rate": "Of each order's value.",
    "borrow_rate": "Annual cost of a short position, of its market value.",
    "risk_free_rate": "Annual risk-free rate (Sharpe, Sortino, alpha).",
}
_FIELDS = {field.name: field for field in REQUEST_FIELDS if field.name in HELP}


def unit(field: Field) -> str:
    """The unit that the form shows."""
    if field.name not in HELP:
        return field.unit
    return "% per year" if field.unit == "per year" else "%"


def allowed(field: Field) -> str:
    """The bounds of a fraction in percent."""
    return f"a number from {100 * (field.low or 0):g} up to {100 * (field.high or 1):g}"


def marked(form: MultiDict[str, str]) -> set[str]:
    """The fields that a form holds in percent."""
    return set(form.getlist(MARK)) & HELP.keys()


def told(errors: Sequence[FieldError], form: MultiDict[str, str]) -> list[FieldError]:
    """The same mistakes, the bounds of what the form holds in percent told in percent."""
    in_percent = marked(form)
    return [_told(error, form) if error.field in in_percent else error for error in errors]


def _told(error: FieldError, form: MultiDict[str, str]) -> FieldError:
    received = form.get(error.field, "")[:60]
    message = f"must be {allowed(_FIELDS[error.field])} percent, got {received!r}"
    return FieldError(error.field, message, error.value)


def as_fraction(text: str) -> str:
    """A percentage as the fraction of the request; what is no number stays, for the request to refuse."""
    try:
        return plain(f"{text.strip().removesuffix('%')}%", "fraction").removesuffix("%")
    except Unclear:
        return text


def as_percent(text: str) -> str:
    """A fraction as its percentage; what is no number stays."""
    try:
        return f"{(Decimal(plain(text, 'fraction')) * 100).normalize():f}"
    except (Unclear, InvalidOperation):
        return text
