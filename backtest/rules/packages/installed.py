"""Rules of installed packages: what the packages announce, and their code.

Reading what is announced imports nothing. Only a process that called `allow` ever imports the code: the
engine step and the command line. Everywhere else a rule is what `source` says about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from backtest.rules.names import BUILT_IN
from backtest.rules.packages.catalogue import BrokenRule, Catalogue
from backtest.rules.rule import Rule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "stock_backtest.rules"


@cache
def announced() -> tuple[tuple[EntryPoint, ...], tuple[BrokenRule, ...]]:
    """What the installed packages announce, by name; of a package found twice the first, as Python imports it."""
    from importlib.metadata import distributions  # costs start-up time, and most runs need none

    by_package: dict[str, list[EntryPoint]] = {}
    refused = []
    for package in distributions():
        try:
            if entries := list(package.entry_points.select(group=GROUP)):
                by_package.setdefault(package.name, entries)
        except Exception as error:  # unreadable metadata disables its own package only
            reason = f"its entry points cannot be read, {type(error).__name__}: {error}"
            refused.append(BrokenRule("(any)", str(getattr(package, "_path", package)), reason))
    found = [entry for entries in by_package.values() for entry in entries]
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.value))), tuple(refused)


def package_of(entry: EntryPoint) -> str:
    """The name of the package that announces a rule."""
    return entry.dist.name if entry.dist else entry.module


def load() -> Catalogue:
    """The rules of all installed packages with their code, which is imported now."""
    rules: dict[str, type[Rule]] = {}
    entries, refused = announced()
    broken = list(refused)
    for entry in entries:
        try:
            rules[entry.name] = _load(entry, rules)
        except (Exception, SystemExit) as error:  # a foreign package may fail in any way; the others work
            broken.append(BrokenRule(entry.name, package_of(entry), f"{type(error).__name__}: {error}"))
    return Catalogue(rules, tuple(broken))


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
