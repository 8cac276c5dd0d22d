"""The submit form: its values, the request that it stands for, and where each mistake belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from werkzeug.datastructures import MultiDict

from backtest import rules
from backtest.errors import FieldError, InvalidRequest
from backtest.expression import FUNCTIONS, SERIES
from backtest.fields import Field
from backtest.rules import Rule
from backtest.run.request import EXAMPLE, FORM_GROUPS, OPTION_FIELDS, REQUEST_FIELDS
from backtest.studies.request import STUDY_FIELDS, WALK_FORWARD_FIELDS
from store.models import Run
from web.auth.authorization import FORM_FIELD
from web.presentation.svg import MONTHS
from web.submission import percentages

PARAM = "params."
STUDY = "study."
"""Before the names of the fields that only a study has; they are sent where a number is a range."""
_NOT_OF_THE_REQUEST = ("preset_name", "_", FORM_FIELD, percentages.MARK)
FIELDS: Mapping[str, Field] = {field.name: field for field in REQUEST_FIELDS}
OPTIONS_OF_A_STUDY = [field for field in STUDY_FIELDS if field.kind != "object" and field.name != "study_id"]
CHOICE_LABELS = {
    "percent": "Percent of equity",
    "value": "Value in currency",
    "shares": "Number of shares",
    "long_only": "Long only",
    "long_short": "Long and short",
    "short_only": "Short only",
    "next_open": "Next open (realistic)",
    "close": "Same close (comparison only)",
    "sma": "Simple (SMA)",
    "ema": "Exponential (EMA)",
    "together": "One account",
    "each": "An account for each symbol",
    "grid": "Every combination",
    "random": "A random sample",
    "sharpe_ratio": "Sharpe ratio",
    "total_return": "Return",
    "annual_return": "Annual return",
    "cagr": "CAGR",
    "calmar_ratio": "Calmar ratio",
    "final_equity": "Final equity",
    "max_drawdown": "Max drawdown",
    "volatility": "Volatility",
}


def register(app: Flask) -> None:
    """Let templates name the fields, their groups and labels."""
    app.jinja_env.filters.update(typed=typed, typed_default=typed_default, form_unit=percentages.unit)
    app.jinja_env.globals.update(
        fields=FIELDS, **FORM_GROUPS, study_fields=OPTIONS_OF_A_STUDY, walk_forward_fields=WALK_FORWARD_FIELDS,
        percent_help=percentages.HELP, percent_allowed=percentages.allowed,
        choice_labels=CHOICE_LABELS, rule_label=rule_label, params_of=params_of, changed=changed, months=MONTHS,
        formula_functions=FUNCTIONS.values(), formula_series=SERIES,
    )  # fmt: skip


def rule_label(name: str) -> str:
    """The label of a rule, or its name where it is gone."""
    try:
        return rules.get(name).label
    except InvalidRequest:
        return name


def params_of(run: Run) -> dict[str, Any]:
    """The parameters that a run was computed with: its own, over the defaults of its rule."""
    try:
        fields = rules.get(run.rule_type).params
    except InvalidRequest:
        return dict(run.params or {})
    defaults = {field.name: field.default for field in fields if field.default not in (None, "", {})}
    return defaults | dict(run.params or {})


def changed(names: Sequence[str], values: Mapping[str, str]) -> str:
    """What a folded group of fields holds that is not its default, in a few words."""
    return ", ".join(filter(None, (_changed(FIELDS[name], values) for name in names)))


def _changed(field: Field, values: Mapping[str, str]) -> str:
    default = typed_default(field)
    value = values.get(field.name, default)
    if value == default:
        return ""
    if field.kind == "bool":
        return field.label if value in ("true", "on") else ""
    unit = percentages.unit(field)
    unit = unit if unit.startswith("%") else f" {unit}"
    return CHOICE_LABELS.get(value, f"{field.label} {value}{unit}").strip()


def typed_default(field: Field) -> str:
    """The default of a field as the form shows it."""
    return from_request({field.name: field.default}).get(field.name, "")


def to_request(form: MultiDict[str, str]) -> dict[str, Any]:
    """The form as the JSON request it stands for; empty fields are left out, unknown ones refused later."""
    raw: dict[str, Any] = {}
    params: dict[str, Any] = {}
    for name, values in form.lists():
        text = (
            ",".join(filter(None, (value.strip() for value in values))) if name == "symbols" else values[-1]
        )
        if not text.strip() or name in _NOT_OF_THE_REQUEST or name.startswith(STUDY):
            continue
        if name.startswith(PARAM):
            params[name.removeprefix(PARAM)] = text
        else:
            raw[name] = _listed(text) if name == "symbols" else text.strip()
    for name in percentages.marked(form) & raw.keys():
        raw[name] = percentages.as_fraction(raw[name])
    return raw | ({"params": params} if params else {})


def from_form(form: MultiDict[str, str]) -> dict[str, str]:
    """Everything typed, by the name of its field, to be shown again."""
    shown = {name: ", ".join(values) if name == "symbols" else values[-1] for name, values in form.lists()}
    fractions = (percentages.HELP.keys() & shown.keys()) - percentages.marked(form)
    return shown | {name: percentages.as_percent(shown[name]) for name in fractions}


def from_request(raw: Mapping[str, Any]) -> dict[str, str]:
    """The values of the form for a request: an example, a preset or an earlier run."""
    form_values: dict[str, str] = {}
    for name, value in raw.items():
        if name == "params" and isinstance(value, Mapping):
            form_values |= {PARAM + key: typed(part) for key, part in value.items()}
        elif value is not None and name != "run_id":
            form_values[name] = (
                percentages.as_percent(typed(value)) if name in percentages.HELP else typed(value)
            )
    return form_values


def defaults() -> dict[str, str]:
    """Every field's default, with the example on top."""
    usual: dict[str, Any] = {
        field.name: field.default for field in OPTION_FIELDS if field.default is not None
    }
    return from_request({**usual, **EXAMPLE})


def rule_of(values: Mapping[str, str]) -> type[Rule]:
    """The rule that the form shows the parameters of; the example's where there is no such rule."""
    try:
        return rules.get(values.get("rule_type", ""))
    except InvalidRequest:
        return rules.get(EXAMPLE["rule_type"])


def every_rule() -> list[type[Rule]]:
    """All rules, in their order."""
    return [rules.get(name) for name in rules.names()]


def by_field(errors: Sequence[FieldError]) -> dict[str, list[str]]:
    """The messages of each field, for the page; what belongs to no input is under the empty name."""
    messages: dict[str, list[str]] = {}
    for error in errors:
        known = error.field in FIELDS or error.field.startswith(PARAM)
        text = error.message if known else ": ".join(filter(None, (error.field, error.message)))
        messages.setdefault(error.field if known and error.field != "params" else "", []).append(text)
    return messages


def _listed(text: str) -> list[str]:
    return text.replace(",", " ").split()


def typed(value: object) -> str:
    """A value as it is typed into its field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={typed(part)}" for name, part in value.items())
    return str(value)
