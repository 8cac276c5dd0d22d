"""Every rule by its name: the built-in ones, and those that installed packages offer.

A rule of an installed package is a description without code, unless the process called `allow_installed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from backtest.errors import FieldError, InvalidRequest
from backtest.rules.names import BUILT_IN
from backtest.rules.packages import installed, source
from backtest.rules.packages.catalogue import BrokenRule, Catalogue
from backtest.rules.rule import Rule


class UnknownRule(InvalidRequest):
    """No rule of that name can be used; says what there is, or why it could not be loaded."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__([FieldError("rule_type", message, name)])


class _Packages:
    """What this process knows of the rules of installed packages."""

    def __init__(self) -> None:
        self.catalogue: Callable[[], Catalogue] = source.obtain


_packages = _Packages()


def allow_installed() -> None:
    """Have this process import the code of installed packages as soon as one of their rules is asked for.

    For the engine step and the command line; a process that holds secrets of others never calls it.
    """
    _packages.catalogue = cache(installed.load)


def names() -> tuple[str, ...]:
    """The names of all rules that can be used, the built-in ones first."""
    return (*BUILT_IN, *_packages.catalogue().rules)


def broken() -> tuple[BrokenRule, ...]:
    """The rules that installed packages offer and that cannot be used."""
    return _packages.catalogue().broken


def get(name: str) -> type[Rule]:
    """The rule of that name, or `UnknownRule`. Installed packages are searched for unknown names only."""
    if name in BUILT_IN:
        return _built_in(name)
    if rule := _packages.catalogue().rules.get(name):
        return rule
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
