"""The form of the Argo UI: one argument for each field of a request, with its help and its choices."""

from __future__ import annotations

from hera.workflows import Parameter

from backtest import rules
from backtest.fields import Field
from workflows.cluster import parameters

_RUN_ID_HELP = (
    "UUID of the run; if empty, the UID of this workflow is used. Repeating it returns the same run."
)


def arguments() -> list[Parameter]:
    """Every argument, in the order of the form; one without a value has to be filled in."""
    return [_parameter(field) for field in parameters.FIELDS]


def _parameter(field: Field) -> Parameter:
    choices = _choices(field)
    if field.name == "run_id":
        return Parameter(name=field.name, value="", description=_RUN_ID_HELP)
    if field.required:
        return Parameter(name=field.name, description=_help(field), enum=choices)
    return Parameter(
        name=field.name, value=parameters.text_of(field.default), description=_help(field), enum=choices
    )


def _choices(field: Field) -> list[str] | None:
    if field.name == "rule_type":
        return list(rules.names())
    if field.kind == "bool":
        return ["false", "true"]
    return list(field.choices) or None


def _help(field: Field) -> str:
    """What the field is for and what may be given, for a user of the Argo UI."""
    if field.name == "params":
        return f'{field.help} As JSON, for instance {{"period": 14}}. {_params_help()}'
    if field.name == "symbols":
        return f"{field.help} Separated by commas, for instance SPY,QQQ."
    unit = f" Unit: {field.unit}." if field.unit else ""
    allowed = "" if field.kind in ("choice", "bool", "text", "object") else f" Allowed: {field.allowed}."
    return f"{field.label}: {field.help}{unit}{allowed}"


def _params_help() -> str:
    known = ((name, rules.get(name).params) for name in rules.names())
    named = "; ".join(
        f"{name}: {', '.join(field.name for field in fields) or 'none'}" for name, fields in known
    )
    return f"By rule: {named}."
