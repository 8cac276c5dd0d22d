"""The settings of a run as people read them: every one with its unit, and which ones differ from their default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask

from backtest import rules
from backtest.errors import InvalidRequest
from backtest.fields import Field, ValidationError
from backtest.run.request import FORM_GROUPS, REQUEST_FIELDS
from store.models import Run
from web.submission.form import CHOICE_LABELS, rule_label, typed

_FIELDS = {field.name: field for field in REQUEST_FIELDS}
_GROUPS = (
    ("Sizing and fills", FORM_GROUPS["sizing"]),
    ("Costs", (*FORM_GROUPS["costs"], *FORM_GROUPS["fine_costs"])),
    ("Stops and targets", FORM_GROUPS["exits"]),
    ("Comparison", FORM_GROUPS["comparison"]),
)
_SIZES = {"percent": "{}% of equity", "value": "{} in currency", "shares": "{} shares"}
_OF_ITS_OWN_SYMBOLS = "Buy & hold of the same symbols"
_IN_A_LABEL = {"close": "fills at the signal's close"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a run: its label, its value with its unit, and whether that is the default."""

    name: str
    label: str
    text: str
    is_default: bool
    brief: str
    """The setting in the label of a run."""


def register(app: Flask) -> None:
    """Offer the settings of a run to the templates."""
    app.jinja_env.globals.update(settings_of=grouped, changes_of=changes)


def grouped(run: Run) -> list[tuple[str, list[Setting]]]:
    """Every setting of a run, by group in the order of the form."""
    return [("Rule and period", [*_identity(run), *_parameters(run)]), *_options(run)]


def changed(run: Run) -> list[Setting]:
    """The parameters and options of a run that differ from their defaults."""
    options = [option for _, group in _options(run) for option in group]
    return [setting for setting in [*_parameters(run), *options] if not setting.is_default]


def changes(run: Run) -> str:
    """What tells a run from others of its rule and symbols, in one line; empty where all is default."""
    return ", ".join(setting.brief for setting in changed(run))


def shown(field: Field, value: Any) -> str:
    """A value with its unit: fractions as percent, amounts with thousands separated, a dash where there is none."""
    if value in (None, "", {}):
        return "Off" if field.name in FORM_GROUPS["exits"] else "–"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if field.unit == "fraction":
        return f"{typed(round(100 * value, 10))}%"
    if field.unit == "per year":
        return f"{typed(round(100 * value, 10))}% per year"
    if field.unit == "currency":
        return f"{value:,.10g}"
    unit = field.unit if field.unit == "%" else f" {field.unit}".rstrip()
    return f"{CHOICE_LABELS.get(str(value), typed(value))}{unit}"


def parameters_given(run: Run) -> dict[str, Any]:
    """The parameters that differ from the defaults of the rule, each of its own type: a form sends texts."""
    given = dict(run.params or {})
    try:
        fields = rules.get(run.rule_type).params
    except InvalidRequest:
        return given
    typed_ones = {field.name: _typed(field, given[field.name]) for field in fields if field.name in given}
    return {field.name: typed_ones[field.name] for field in fields
            if field.name in typed_ones and not _is_default(field, typed_ones[field.name])}  # fmt: skip


def _identity(run: Run) -> Iterator[Setting]:
    yield Setting("symbols", "Symbols", ", ".join(run.symbols), is_default=True, brief="")
    yield Setting("rule_type", "Rule", rule_label(run.rule_type), is_default=True, brief="")
    for name in ("start_date", "end_date"):
        yield Setting(name, _FIELDS[name].label, str(getattr(run, name)), is_default=True, brief="")


def _parameters(run: Run) -> list[Setting]:
    """The parameters of the rule; of a rule that is gone, those that the run was asked with."""
    given = dict(run.params or {})
    try:
        fields: Sequence[Field] = rules.get(run.rule_type).params
    except InvalidRequest:
        return [_unknown(name, value) for name, value in given.items()]
    return [_setting(field, _typed(field, given.get(field.name, field.default))) for field in fields]


def _typed(field: Field, value: Any) -> Any:
    """A value of the field's type, as the run read it; as it stands where the rule has changed since."""
    try:
        return value if value is None else field.parse(value)
    except ValidationError:
        return value


def _unknown(name: str, value: Any) -> Setting:
    words = name.replace("_", " ")
    return Setting(name, words, typed(value), is_default=False, brief=f"{words} {typed(value)}")


def _options(run: Run) -> list[tuple[str, list[Setting]]]:
    return [
        (title, [_option(run, name) for name in names if name != "size_type"]) for title, names in _GROUPS
    ]


def _option(run: Run, name: str) -> Setting:
    value = getattr(run, name)
    if name == "size":
        return _size(run)
    if name == "benchmark" and not value:
        return Setting(name, _FIELDS[name].label, _OF_ITS_OWN_SYMBOLS, is_default=True, brief="")
    return _setting(_FIELDS[name], value)


def _size(run: Run) -> Setting:
    """Size and size type say one thing together."""
    field, kind = _FIELDS["size"], _FIELDS["size_type"]
    text = _SIZES[run.size_type].format(f"{run.size:,.10g}")
    is_default = (run.size, run.size_type) == (field.default, kind.default)
    return Setting(field.name, field.label, text, is_default, f"size {text}")


def _setting(field: Field, value: Any) -> Setting:
    is_default = _is_default(field, value)
    return Setting(field.name, field.label, shown(field, value), is_default, _brief(field, value))


def _is_default(field: Field, value: Any) -> bool:
    return value == field.default or (value in (None, "") and field.default in (None, ""))


def _brief(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return field.label.lower() if value else f"no {field.label.lower()}"
    if field.kind == "choice" and field.name in _FIELDS:
        text = CHOICE_LABELS.get(str(value), typed(value)).partition(" (")[0].lower()
        return _IN_A_LABEL.get(str(value), text)
    if field.name in _FIELDS:
        return f"{field.label[:1].lower()}{field.label[1:]} {shown(field, value)}"
    return f"{field.name.replace('_', ' ')} {typed(value)}"
