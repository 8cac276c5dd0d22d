"""The forms of the Argo UI: an argument for each field of a request, with its help, its choices and a value that works."""

from __future__ import annotations

from hera.workflows import Parameter

from backtest import rules
from backtest.fields import Field
from backtest.run.request import EXAMPLE, FORM_GROUPS
from backtest.studies.space import SPACE
from workflows.cluster import parameters
from workflows.cluster.robustness import form as robustness_form
from workflows.cluster.studies import form

_FIRST = ("symbols", "rule_type", "params", "start_date", "end_date")
_LAST = ("run_id", "data_hashes")
_FIELDS = {field.name: field for field in parameters.FIELDS}
_OF_A_STUDY = (
    "symbols_mode", "sampler", "max_trials", "seed", "objective", "minimum_trades", "holdout_pct", "walk_forward",
)  # fmt: skip
_ID_HELP = {
    "run_id": "**Run ID**: UUID4 of the run; if empty, the UID of this workflow is used. Repeating it returns the same run.",
    "study_id": "**Study ID**: UUID4 of the study; if empty, the UID of this workflow is used. That of a study with "
    "missing chunks executes those alone.",
}
EXAMPLE_SPACE = {
    "params.fast": {"from": 5, "to": 50, "step": 5},
    "params.slow": {"from": 60, "to": 200, "step": 10},
}
"""What an untouched form of a study searches."""


def full() -> list[Parameter]:
    """Every argument, in the order of the page's form."""
    options = [name for names in FORM_GROUPS.values() for name in names]
    return [_parameter(_FIELDS[name]) for name in (*_FIRST, *options, *_LAST)]


def quick() -> list[Parameter]:
    """The five arguments that say what is tested; every option keeps its default."""
    return [_parameter(_FIELDS[name]) for name in _FIRST]


def robustness() -> list[Parameter]:
    """Every argument of a run, and what was tried on its rule and its prices."""
    return [*full(), _parameter(robustness_form.TRIED)]


def study() -> list[Parameter]:
    """Every argument of a study: what is searched behind what is tested, then the options of a run."""
    fields = {field.name: field for field in form.STUDY.fields}
    named = ("symbols", "rule_type", "space", "params", "start_date", "end_date", *_OF_A_STUDY)
    options = [name for names in FORM_GROUPS.values() for name in names]
    return [_parameter(fields[name]) for name in (*named, *options, form.STUDY.id, _LAST[-1])]


def _parameter(field: Field) -> Parameter:
    # an empty `params` suits every rule that is chosen
    value = {**EXAMPLE, SPACE: EXAMPLE_SPACE}[field.name] if field.required else field.default
    return Parameter(
        name=field.name, value=parameters.text_of(value), description=_help(field), enum=_choices(field)
    )


def _choices(field: Field) -> list[str] | None:
    if field.name == "rule_type":
        return list(rules.names())
    if field.kind == "bool":
        return ["false", "true"]
    return list(field.choices) or None


def _help(field: Field) -> str:
    """What the field is for and what may be given, in the Markdown of the Argo UI."""
    if field.name in _ID_HELP:
        return _ID_HELP[field.name]
    if field.name == "params":
        return (
            f'**{field.label}**: {field.help} As JSON, for instance `{{"period": 14}}`.\n\n{_params_help()}'
        )
    if field.name == SPACE:
        return f"**{field.label}**: {field.help} As JSON.\n\n{_params_help()}"
    if field.name == "symbols":
        return f"**{field.label}**: {field.help} Separated by commas, for instance `SPY,QQQ`."
    unit = f" Unit: {field.unit}." if field.unit else ""
    allowed = "" if field.kind in ("choice", "bool", "text", "object") else f" Allowed: {field.allowed}."
    return f"**{field.label}**: {field.help}{unit}{allowed}"


def _params_help() -> str:
    known = ((name, rules.get(name).params) for name in rules.names())
    return "\n".join(
        f"* {name}: {', '.join(f'`{field.name}`' for field in fields) or 'none'}" for name, fields in known
    )
