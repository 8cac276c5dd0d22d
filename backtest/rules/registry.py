"""Every rule by its name: the built-in ones, and those that installed packages offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from backtest.errors import FieldError, InvalidRequest
from backtest.rules.rule import Rule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "stock_backtest.rules"

BUILT_IN: Final[Mapping[str, str]] = {
    "RSI": "oscillators:Rsi",
    "MACD": "averages:Macd",
    "RSI_MACD": "oscillators:RsiMacd",
    "MOVING_AVERAGE_CROSS": "averages:MovingAverageCross",
    "BOLLINGER_BANDS": "oscillators:BollingerBands",
    "VOLUME_BREAKOUT": "breakouts:VolumeBreakout",
    "TREND_FOLLOWING": "trends:TrendFollowing",
    "ATR_VOLATILITY": "breakouts:AtrVolatility",
    "DONCHIAN_BREAKOUT": "breakouts:DonchianBreakout",
    "MOMENTUM": "trends:Momentum",
    "BUY_AND_HOLD": "trends:BuyAndHold",
    "EXPRESSION": "formulas:Expression",
}
"""Module and class of each built-in rule, imported when it is asked for: a run needs one of them."""


class UnknownRule(InvalidRequest):
    """No rule of that name can be used; says what there is, or why it could not be loaded."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__([FieldError("rule_type", message, name)])


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that an installed package offers and that cannot be used, and why."""

    name: str
    package: str
    reason: str

    def __str__(self) -> str:
        return f"rule {self.name} of package {self.package} cannot be used: {self.reason}"


def names() -> tuple[str, ...]:
    """The names of all rules that can be used, the built-in ones first."""
    return (*BUILT_IN, *_installed()[0])


def broken() -> tuple[BrokenRule, ...]:
    """The rules that installed packages offer and that cannot be used."""
    return _installed()[1]


def get(name: str) -> type[Rule]:
    """The rule of that name, or `UnknownRule`. Installed packages are searched for unknown names only."""
    if name in BUILT_IN:
        return _built_in(name)
    if installed := _installed()[0].get(name):
        return installed
    if reasons := [str(rule) for rule in broken() if rule.name == name]:
        raise UnknownRule(name, "; ".join(reasons))
    near = get_close_matches(name.upper(), names(), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    shown = name if len(name) <= 64 else name[:63] + "…"
    raise UnknownRule(name, f"must be one of {', '.join(names())}, got {shown!r}{hint}")


def build(name: str, params: Mapping[str, object]) -> Rule:
    """The rule with these parameters, defaults for the rest.

    Raises
    ------
    InvalidRequest
        With every wrong parameter, named ``params.<name>``; `UnknownRule` names ``rule_type``.
    """
    return get(name).build(params)


@cache
def _built_in(name: str) -> type[Rule]:
    module, _, rule = BUILT_IN[name].partition(":")
    built_in: type[Rule] = vars(import_module(f"backtest.rules.{module}"))[rule]
    return built_in


@cache
def _installed() -> tuple[Mapping[str, type[Rule]], tuple[BrokenRule, ...]]:
    """Rules and broken rules of the installed packages, in the order of their names."""
    rules: dict[str, type[Rule]] = {}
    entries, refused = _entries()
    for entry in sorted(entries, key=lambda entry: (entry.name, entry.value)):
        try:
            rules[entry.name] = _load(entry, rules)
        except Exception as error:  # a foreign package may fail in any way; it is reported, the others work
            refused.append(BrokenRule(entry.name, _package(entry), f"{type(error).__name__}: {error}"))
    return rules, tuple(refused)


def _entries() -> tuple[list[EntryPoint], list[BrokenRule]]:
    """What the installed packages announce; of a package found twice the first, as Python imports it."""
    from importlib.metadata import distributions  # costs start-up time, and most runs need none

    by_package: dict[str, list[EntryPoint]] = {}
    refused = []
    for package in distributions():
        try:
            if announced := list(package.entry_points.select(group=GROUP)):
                by_package.setdefault(package.name, announced)
        except Exception as error:  # unreadable metadata disables its own package only
            reason = f"its entry points cannot be read, {type(error).__name__}: {error}"
            refused.append(BrokenRule("(any)", str(getattr(package, "_path", package)), reason))
    return [entry for entries in by_package.values() for entry in entries], refused


def _load(entry: EntryPoint, rules: Mapping[str, type[Rule]]) -> type[Rule]:
    if entry.name in BUILT_IN or entry.name in rules:
        raise ValueError(f"the name {entry.name} is already taken")
    rule: object = entry.load()
    if not (isinstance(rule, type) and issubclass(rule, Rule)):
        raise TypeError(f"{entry.value} must be a subclass of backtest.rules.Rule, got {rule!r}")
    if getattr(rule, "__abstractmethods__", None):
        raise TypeError(f"{entry.value} does not implement {', '.join(sorted(rule.__abstractmethods__))}")
    if getattr(rule, "name", None) != entry.name:
        raise ValueError(f"{entry.value} must have the same name as its entry point, {entry.name}")
    return rule


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module
