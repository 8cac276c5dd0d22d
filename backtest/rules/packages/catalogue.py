"""The catalogue of rules of installed packages as JSON: written by a process that loads them, read by all others.

What is read was written by third-party code. Everything has a type, a bound and an alphabet, and what does not
keep to them makes its own rule unusable and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, cast, get_args

from backtest.console.printable import printable
from backtest.fields import EXPANDED, Field, Kind, ValidationError, Value
from backtest.rules.names import BUILT_IN
from backtest.rules.packages.described import described
from backtest.rules.rule import Rule

VERSION: Final = 1
MOST_BYTES: Final = 1 << 20
MOST_RULES: Final = 500
MOST_PARAMS: Final = 50
_MOST_CHOICES: Final = 100
_LONGEST_NAME, LONGEST_LABEL, LONGEST_TEXT = 64, 100, 1_000
_LONGEST_VALUE: Final = 100_000
_NAME: Final = re.compile(r"\w[\w.-]{0,63}")


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that an installed package offers and that cannot be used, and why."""

    name: str
    package: str
    reason: str

    def __str__(self) -> str:
        return f"rule {self.name} of package {self.package} cannot be used: {self.reason}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The rules of installed packages, and those of them that cannot be used."""

    rules: Mapping[str, type[Rule]]
    broken: tuple[BrokenRule, ...] = ()


class InvalidCatalogue(ValueError):
    """A catalogue, or one rule in it, that is not what it should be; the message says where."""


def to_json(catalogue: Catalogue, packages: Mapping[str, str]) -> str:
    """The catalogue for other processes; `packages` names the package of each rule."""
    rules, broken = [], list(catalogue.broken)
    for name, rule in catalogue.rules.items():
        try:
            description = _of_rule(rule) | {"package": packages[name]}
            json.dumps(description, allow_nan=False)
            rules.append(description)
        except Exception as error:  # a third-party class: its attributes may be anything
            reason = f"it cannot be described, {type(error).__name__}: {error}"
            broken.append(BrokenRule(name, packages[name], reason))
    return json.dumps(
        {
            "version": VERSION,
            "rules": rules,
            "broken": [
                {"name": _cut(each.name), "package": _cut(each.package), "reason": _cut(each.reason)}
                for each in broken
            ],
        },
        indent=1,
    )


def from_json(content: bytes) -> Catalogue:
    """The catalogue, or `InvalidCatalogue`; a rule whose description is wrong is among the broken ones."""
    if len(content) > MOST_BYTES:
        raise InvalidCatalogue(f"it is longer than {MOST_BYTES:,} bytes")
    try:
        description = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidCatalogue("it is no JSON") from None
    if not isinstance(description, dict) or description.get("version") != VERSION:
        raise InvalidCatalogue(f"it is no catalogue of version {VERSION}")
    rules: dict[str, type[Rule]] = {}
    broken = [_broken(each) for each in _list(description, "broken", MOST_RULES)]
    for each in _list(description, "rules", MOST_RULES):
        try:
            rule = _rule(each, rules)
            rules[rule.name] = rule
        except InvalidCatalogue as error:
            broken.append(_unusable(each, str(error)))
    return Catalogue(rules, tuple(broken))


def _of_rule(rule: type[Rule]) -> dict[str, Any]:
    # a property where it depends on parameters: then the engine step asks the rule itself
    needs_volume: object = rule.needs_volume
    return {
        "name": rule.name,
        "label": rule.label,
        "help": rule.help,
        "long": rule.long,
        "short": rule.short,
        "params": [_of_field(field) for field in rule.params],
        "ascending": [[low, high] for low, high in rule.ascending],
        "needs_volume": needs_volume is True,
    }


def _of_field(field: Field) -> dict[str, Any]:
    default = field.default
    return {
        "name": field.name,
        "kind": field.kind,
        "label": field.label,
        "help": field.help,
        "default": default.isoformat() if isinstance(default, date) else default,
        "required": field.required,
        "low": _finite(field.low),
        "above": field.above,
        "high": _finite(field.high),
        "choices": list(field.choices),
        "max_length": field.max_length,
        "unit": field.unit,
    }


def _finite(bound: float | None) -> float | None:
    return bound if bound is not None and math.isfinite(bound) else None


def _rule(description: object, taken: Mapping[str, object]) -> type[Rule]:
    if not isinstance(description, dict):
        raise InvalidCatalogue("its description is no JSON object")
    name = description.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidCatalogue(f"its name must be up to {_LONGEST_NAME} letters, digits and _ . -")
    if name in BUILT_IN or name in taken:
        raise InvalidCatalogue(f"the name {name} is already taken")
    params = tuple(_field(each) for each in _list(description, "params", MOST_PARAMS))
    if len({field.name for field in params}) != len(params):
        raise InvalidCatalogue("two of its parameters have the same name")
    return described(
        name,
        label=_text(description, "label", LONGEST_LABEL),
        help=_text(description, "help", LONGEST_TEXT),
        long=_text(description, "long", LONGEST_TEXT),
        short=_text(description, "short", LONGEST_TEXT),
        params=params,
        ascending=tuple(_pair(each, params) for each in _list(description, "ascending", MOST_PARAMS)),
        needs_volume=_flag(description, "needs_volume"),
    )


def _pair(description: object, params: tuple[Field, ...]) -> tuple[str, str]:
    names = [field.name for field in params]
    match description:
        case [str(low), str(high)] if low in names and high in names:
            return low, high
    raise InvalidCatalogue("ascending must be pairs of its parameters")


def _field(description: object) -> Field:
    if not isinstance(description, dict):
        raise InvalidCatalogue("a parameter is no JSON object")
    name = description.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidCatalogue("the name of a parameter must be of letters, digits and _ . -")
    field = Field(
        name=name,
        kind=_kind(description, name),
        label=_text(description, "label", LONGEST_LABEL),
        help=_text(description, "help", LONGEST_TEXT),
        required=_flag(description, "required"),
        low=_bound(description, "low"),
        above=_flag(description, "above"),
        high=_bound(description, "high"),
        choices=tuple(_choice(each) for each in _list(description, "choices", _MOST_CHOICES)),
        max_length=_whole(description, "max_length"),
        unit=_text(description, "unit", LONGEST_LABEL),
    )
    return field if description.get("default") is None else _with_default(field, description["default"])


def _kind(description: Mapping[str, Any], param: str) -> Kind:
    for kind in get_args(Kind):
        if description.get("kind") == kind:
            return cast("Kind", kind)
    raise InvalidCatalogue(f"parameter {param} has no known kind")


def _with_default(field: Field, description: object) -> Field:
    try:
        default: Value = field.parse(description)
    except (ValidationError, TypeError):
        raise InvalidCatalogue(f"the default of parameter {field.name} must be {field.allowed}") from None
    return replace(field, default=default)


def _list(description: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = description.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        raise InvalidCatalogue(f"{name} must be a list of at most {most}")
    return value


def _text(description: Mapping[str, Any], name: str, longest: int) -> str:
    value = description.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidCatalogue(f"{name} must be text of at most {longest} characters")
    text = " ".join(value.split())
    if not text.isprintable() or any(mark in text for mark in EXPANDED):
        raise InvalidCatalogue(f"{name} must be printable, without {' and '.join(EXPANDED)}")
    return text


def _choice(description: object) -> str:
    return _text({"a choice": description}, "a choice", LONGEST_LABEL)


def _flag(description: Mapping[str, Any], name: str) -> bool:
    value = description.get(name, False)
    if not isinstance(value, bool):
        raise InvalidCatalogue(f"{name} must be true or false")
    return value


def _bound(description: Mapping[str, Any], name: str) -> float | None:
    value = description.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise InvalidCatalogue(f"{name} must be a number")
    return value


def _whole(description: Mapping[str, Any], name: str) -> int:
    value = description.get(name, 2_000)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LONGEST_VALUE:
        raise InvalidCatalogue(f"{name} must be a whole number from 1 up to {_LONGEST_VALUE}")
    return value


def _broken(description: object) -> BrokenRule:
    values = description if isinstance(description, dict) else {}
    return BrokenRule(*(_cut(str(values.get(name, ""))) for name in ("name", "package", "reason")))


def _unusable(description: object, reason: str) -> BrokenRule:
    values = description if isinstance(description, dict) else {}
    name, package = (_cut(str(values.get(name, "(unknown)")), _LONGEST_NAME) for name in ("name", "package"))
    return BrokenRule(name, package, reason)


def _cut(text: str, longest: int = 500) -> str:
    """One printable line of text of third-party code."""
    line = printable(" ".join(text[:longest].split()))
    return line[:longest]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
