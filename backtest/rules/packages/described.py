"""A rule of an installed package as data: its parameters are known and checked, its code is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from backtest.arrays import Floats
from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, Value
from backtest.rules.rule import Prices, Rule


class RuleNotLoaded(InvalidRequest):
    """A rule of an installed package was to be executed in a process that loads no code of packages."""

    def __init__(self, name: str) -> None:
        message = (
            f"{name} is a rule of an installed package, whose code runs in the engine step and on the command "
            "line alone; submit a run of it"
        )
        super().__init__([FieldError("rule_type", message, name)])


@dataclass(frozen=True, slots=True)
class DescribedRule(Rule):
    """A rule as the process that describes rules reported it; mistakes that its own code finds are not known."""

    values: Mapping[str, Value]

    @property
    def warmup(self) -> int:
        """0: how many bars it needs is known in the engine step, which warns."""
        return 0

    def exposure(self, prices: Prices) -> Floats:
        """Raises `RuleNotLoaded`."""
        raise RuleNotLoaded(self.name)

    @classmethod
    def build(cls, params: Mapping[str, object]) -> Self:
        """The rule with these parameters, each within its bounds, or `InvalidRequest` with every mistake."""
        return cls(cls.values_of(params))


def described(
    name: str, *, label: str, help: str, long: str, short: str, params: tuple[Field, ...],
    ascending: tuple[tuple[str, str], ...], needs_volume: bool = False,
) -> type[DescribedRule]:  # fmt: skip
    """The class of a rule with this description."""
    attributes = {
        "name": name, "label": label, "help": help, "long": long, "short": short, "params": params,
        "ascending": ascending, "needs_volume": needs_volume,
    }  # fmt: skip
    return type("DescribedRule", (DescribedRule,), {"__slots__": (), "__doc__": None, **attributes})
