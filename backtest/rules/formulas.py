"""The rule that is written as formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Sides
from backtest.errors import FieldError
from backtest.expression import Formula, InvalidExpression, PlacedError, Side, fitting, taken
from backtest.fields import Field, Value
from backtest.rules.lines import Line
from backtest.rules.rule import PREFIX, Prices, Rule
from backtest.signals import sweeping
from backtest.signals.positions import long_positions, positions

_FORMULAS = ("entry", "exit", "short_entry", "short_exit")


@dataclass(frozen=True, slots=True)
class Expression(Rule):
    """Long and short where formulas over prices and indicators say so."""

    name = "EXPRESSION"
    label = "Formula"
    help = "Enters and exits on conditions that are written as formulas."
    long = (
        "from a bar on which `entry` is true to a bar on which `exit` is true. Without `exit` the position "
        "is held exactly as long as `entry` is true; `exit` = false holds it until a short entry. Where "
        "both are true on the same bar, no position is entered."
    )
    short = "likewise with `short_entry` and `short_exit`; never without `short_entry`."
    params: ClassVar[tuple[Field, ...]] = (
        Field(name="entry", kind="text", label="Long entry", required=True,
              help="Condition to buy, such as close > sma(close, 200) and rsi(close, 14) < 30."),
        Field(name="exit", kind="text", label="Long exit", default="",
              help="Condition to sell. Empty: sell when the entry condition is no longer true."),
        Field(name="short_entry", kind="text", label="Short entry", default="",
              help="Condition to sell short. Empty: never."),
        Field(name="short_exit", kind="text", label="Short exit", default="",
              help="Condition to cover. Empty: cover when the short entry is no longer true."),
        Field(name="constants", kind="numbers", label="Constants", default={},
              help="Numbers that the formulas may call by name: with n=20, sma(close, n) is sma(close, 20)."),
    )  # fmt: skip

    entry: str
    exit: str = ""
    short_entry: str = ""
    short_exit: str = ""
    constants: Mapping[str, float] = field(default_factory=dict)

    @property
    def warmup(self) -> int:
        return max(formula.lookback for formula in self._formulas())

    @property
    def needs_volume(self) -> bool:
        """Whether one of the formulas reads the volume."""
        return any(formula.needs_volume for formula in self._formulas())

    def exposure(self, prices: Prices) -> Sides:
        flags: list[Flags] = []
        for enter, leave in self._functions(prices):
            entered = enter(self.constants)
            flags += entered, leave(self.constants) if leave else ~entered
        return long_positions(*flags) if len(flags) == 2 else positions(*flags)

    def _functions(self, prices: Prices) -> tuple[tuple[Side, Side | None], ...]:
        """Entry and exit of each side that is ever held; in a sweep they are made once, for all its constants."""
        texts = ((self.entry, self.exit), (self.short_entry, self.short_exit))
        memory, key = sweeping.current(), (Expression, *texts, id(prices), *self.constants)
        if memory and (known := memory.known(key)):
            found: tuple[tuple[Side, Side | None], ...] = known[1]
            return found
        made = tuple(
            (self._function(enter, prices), self._function(leave, prices) if leave.strip() else None)
            for enter, leave in texts
            if enter.strip()
        )
        if memory:
            memory.keep(key, (prices,), made)
        return made

    def _function(self, source: str, prices: Prices) -> Side:
        return Formula.read(source, self.constants).function(prices)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        found = [series for formula in self._formulas() for series in formula.series(prices)]
        named = {(text, pane): Line(text, values, pane) for text, pane, values in found}
        return tuple(named.values())

    def _formulas(self) -> list[Formula]:
        sources = (self.entry, self.exit, self.short_entry, self.short_exit)
        return [Formula.read(source, self.constants) for source in sources if source.strip()]

    @classmethod
    def mistakes(cls, values: Mapping[str, Value]) -> list[FieldError]:
        constants = values.get("constants")
        named: dict[str, float] = constants if isinstance(constants, dict) else {}
        errors = _name_errors(named)
        errors += [mistake for name in _FORMULAS for mistake in _mistakes(name, values.get(name), named)]
        if _written(values.get("short_exit")) and values.get("short_entry") == "":
            message = "has no effect without short_entry: set both or leave both empty"
            errors.append(FieldError(PREFIX + "short_exit", message, values["short_exit"]))
        return errors

    @classmethod
    def fitting(cls, values: Mapping[str, Value], columns: Mapping[str, NDArray[Any]]) -> Flags:
        fixed = values.get("constants")
        named: dict[str, Any] = dict(fixed) if isinstance(fixed, dict) else {}
        named |= {name.removeprefix("constants.").lower(): column for name, column in columns.items()}
        found = np.ones(len(next(iter(columns.values()))), np.bool_)
        for source in (values.get(name) for name in _FORMULAS):
            if isinstance(source, str) and source.strip():
                found &= fitting(source, named)
        return found


def _name_errors(constants: Mapping[str, float]) -> list[FieldError]:
    return [
        FieldError(
            f"{PREFIX}constants", f"{name} is {what} in every formula; take another name", dict(constants)
        )
        for name in constants
        if (what := taken(name))
    ]


def _mistakes(name: str, source: Value, constants: Mapping[str, float]) -> list[FieldError]:
    if not isinstance(source, str) or (name != "entry" and not source.strip()):
        return []
    try:
        Formula.read(source, constants)
    except InvalidExpression as invalid:
        return [
            PlacedError(PREFIX + name, problem.shown(source), source, problem.line, problem.column)
            for problem in invalid.problems
        ]
    return []


def _written(source: Value) -> bool:
    return isinstance(source, str) and bool(source.strip())
