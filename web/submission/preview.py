"""Where formulas are true, asked while they are written. No price is decoded in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError, InvalidRequest
from backtest.prices.calendar import stamp
from backtest.run.request import RunRequest
from backtest.run.span import Span
from store.queries import datasets
from web.api import chart_schemas
from web.errors import as_json
from web.services import database, services, settings
from web.submission import form
from web.submission.received import received, refusal
from workflows import limits, submission
from workflows.errors import PreviewRefused
from workflows.parsing.previewer import FormulaQuestion

_RULE: Final = "EXPRESSION"
_FORMULAS: Final = ("entry", "exit", "short_entry", "short_exit")

bp = Blueprint("formula_preview", __name__)


@bp.post("/api/preview")
def preview() -> ResponseReturnValue:
    """On which bars the formulas of this request are true, or every mistake in it; nothing is stored."""
    body: chart_schemas.Preview
    try:
        body = _previewed(limits.read(received(), settings().limits))
    except InvalidRequest as invalid:
        body = {"ok": False, "errors": refusal(invalid)}
    except PreviewRefused as refused:
        body = {"ok": False, "errors": [as_json(FieldError("", str(refused)))]}
    return jsonify(body)


def _previewed(asked: RunRequest) -> chart_schemas.Preview:
    if asked.rule_type != _RULE:
        message = f"must be {_RULE}: only formulas are previewed, got {asked.rule_type!r}"
        raise InvalidRequest([FieldError("rule_type", message, asked.rule_type)])
    with database().read() as session:
        asked, span = submission.pinned(session, asked, settings().limits)
    rule: Any = asked.rule()
    question = _question(rule, span)
    found = services().previewer.preview(question, lambda: _payload(question.data_hash))
    times = span.calendars[0].times
    return {
        "ok": True,
        "symbol": span.calendars[0].symbol,
        "bars": question.stop - question.first,
        "first_bar": stamp(times[question.first]),
        "last_bar": stamp(times[question.stop - 1]),
        "close": list(found.close),
        "formulas": [_described(name, found.formulas[text]) for name, text in _written(rule)],
    }


def _described(name: str, found: Mapping[str, Any]) -> chart_schemas.FormulaPreview:
    return cast(chart_schemas.FormulaPreview, {"field": form.PARAM + name, **found})


def _question(rule: Any, span: Span) -> FormulaQuestion:
    """The formulas on the own bars of the first symbol, from the first traded one to the last."""
    rows = span.rows[0]
    return FormulaQuestion(
        data_hash=span.calendars[0].data_hash,
        formulas=[text for _, text in _written(rule)],
        constants=rule.constants,
        first=int(rows[0]),
        stop=int(rows[-1]) + 1,
    )


def _written(rule: Any) -> list[tuple[str, str]]:
    """The formulas of the rule that are not empty, by the name of their parameter."""
    return [(name, getattr(rule, name)) for name in _FORMULAS if getattr(rule, name).strip()]


def _payload(data_hash: str) -> bytes:
    with database().read() as session:
        return datasets.payload(session, data_hash)
