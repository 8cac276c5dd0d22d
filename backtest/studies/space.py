"""The search space of a study: names of inputs, each with the values that are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from backtest.errors import FieldError
from backtest.fields import Field, ValidationError, Value, unknown
from backtest.rules.rule import PREFIX, Rule
from backtest.simulation.config import ENGINE_FIELDS

RUN_FIELDS: Final = (
    "stop_loss_pct", "take_profit_pct", "trailing_stop_pct", "slippage_bps", "fee_rate", "size",
)  # fmt: skip
"""The inputs of a run that can be searched beside the parameters of its rule."""
SPACE: Final = "space"
_RANGE: Final = ("from", "to", "step")
_NUMBERS: Final = ("int", "float")


@dataclass(frozen=True, slots=True)
class Axis:
    """One searched input.

    Parameters
    ----------
    name : as in a request: `params.fast`, `params.constants.n`, `stop_loss_pct`
    values : what is tried, in order, no value twice
    written : list or range from which the values were read, ready for JSON
    """

    name: str
    values: tuple[Value, ...]
    written: object


def searchable(rule: type[Rule]) -> dict[str, Field]:
    """Every input that a study of this rule can search, in the order of the grid."""
    settings = {field.name: field for field in ENGINE_FIELDS if field.name in RUN_FIELDS}
    single = [field for field in rule.params if field.kind != "numbers"]
    return {PREFIX + field.name: field for field in single} | settings


def parse_space(
    raw: Mapping[str, Any], rule: type[Rule], *, most: int
) -> tuple[tuple[Axis, ...], list[FieldError]]:
    """The axes in the order of the grid, whatever the order of `raw`, and every mistake.

    Parameters
    ----------
    raw : name to a list of values or to ``{"from":, "to":, "step":}``
    most : values that an axis may have
    """
    if not raw:
        return (), [FieldError(SPACE, "must name at least one input to search", {})]
    known = searchable(rule)
    fields = {name: field for name in raw if (field := known.get(name) or _constant(rule, name))}
    errors = [unknown(f"{SPACE}.{name}", list(known), f"{SPACE}.") for name in raw if name not in fields]
    axes = []
    for name in sorted(fields, key=lambda name: _place(name, list(known))):
        try:
            axes.append(_axis(name, fields[name], raw[name], most))
        except ValidationError as wrong:
            errors.append(FieldError(f"{SPACE}.{name}", str(wrong), raw[name]))
    return tuple(axes), errors


def parent_of(name: str) -> tuple[str, str]:
    """Parameter and key of `params.constants.n`: ("constants", "n"); key "" of a plain parameter."""
    parameter, _, key = name.removeprefix(PREFIX).partition(".")
    return parameter, key


def _constant(rule: type[Rule], name: str) -> Field | None:
    """The field of one number among named numbers, `params.constants.n`; None where the rule has none."""
    parameter, key = parent_of(name)
    named = any(field.name == parameter and field.kind == "numbers" for field in rule.params)
    if not (named and key and name.startswith(PREFIX)):
        return None
    return Field(name=key, kind="float", label=key, help="")


def _place(name: str, known: list[str]) -> tuple[int, str]:
    """Parameters as the rule lists them, then constants by name, then the inputs of a run."""
    last = sum(other.startswith(PREFIX) for other in known)
    if name not in known:
        return last, name
    place = known.index(name)
    return (place if place < last else place + 1), ""


def _axis(name: str, field: Field, raw: object, most: int) -> Axis:
    if isinstance(raw, Mapping):
        return _range(name, field, raw, most)
    if not isinstance(raw, list | tuple) or not raw:
        raise ValidationError(f'must be a list of values or {{"from":, "to":, "step":}}, got {raw!r}')
    if len(raw) > most:
        raise ValidationError(_too_many(len(raw), most))
    values = tuple(_value(field, value) for value in raw)
    if len(set(values)) < len(values):
        twice = next(value for value in values if values.count(value) > 1)
        raise ValidationError(f"must not contain a value twice, got {twice!r}")
    return Axis(name, values, list(values))


def _value(field: Field, raw: object) -> Value:
    """One value; null is one too where it is the default, as it turns a stop-loss off."""
    return None if raw is None and not field.required and field.default is None else field.parse(raw)


def _range(name: str, field: Field, raw: Mapping[str, Any], most: int) -> Axis:
    if field.kind not in _NUMBERS:
        raise ValidationError(f"must be a list of values: {field.allowed}")
    if set(raw) != set(_RANGE):
        raise ValidationError(f"must have from, to and step, got {', '.join(map(str, raw)) or 'nothing'}")
    step_field = Field(name="step", kind=field.kind, label="", help="", low=0, above=True)
    first, last = (_exact(field.parse(raw[key])) for key in ("from", "to"))
    step = _exact(step_field.parse(raw["step"]))
    if last < first:
        raise ValidationError(f"from must not be above to, got {first} and {last}")
    count = int((last - first) / step) + 1
    if count > most:
        raise ValidationError(_too_many(count, most))
    number = int if field.kind == "int" else float
    values = tuple(number(first + index * step) for index in range(count))
    written = {"from": number(first), "to": number(last), "step": number(step)}
    return Axis(name, values, written)


def _exact(number: Value) -> Decimal:
    """The number as it is written, so that 0.1 + 2 · 0.1 is 0.3."""
    return Decimal(repr(number))


def _too_many(count: int, most: int) -> str:
    return f"must have at most {most:,} values, got {count:,}"
