"""A metric: a function of the account, with its label, unit, formula and source."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from backtest.metrics.account import Account, Undefined

Group = Literal["return", "risk", "drawdown", "trades", "costs", "benchmark"]
Format = Literal["percent", "points", "ratio", "currency", "days", "bars", "count"]
Better = Literal["higher", "lower"] | None
MetricFunction = Callable[[Account], float | int]

COMMON: Final = "common definition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: its function, label, formula, source, and what other tools compute instead.

    `format` says how to print the value: `percent` is a fraction to be shown times 100, `points` is
    percent already, `ratio` a bare number, `currency` money, `days`, `bars` and `count` whole or mean
    numbers of these.
    """

    name: str
    label: str
    group: Group
    format: Format
    formula: str
    conventions: str
    source: str
    other_tools: str
    better: Better
    function: MetricFunction

    def __call__(self, account: Account) -> float | int:
        """The value for this account, or `Undefined`."""
        return self.function(account)

    def evaluate(self, account: Account) -> tuple[float | int | None, str]:
        """The value and an empty text, or None and the reason why there is none."""
        try:
            value = self.function(account)
        except Undefined as undefined:
            return None, str(undefined)
        except ArithmeticError:  # overflow, or a divisor that is zero after rounding
            return None, "undefined: out of numeric range"
        if isinstance(value, int):
            return value, ""
        value = float(value)
        if not math.isfinite(value):
            return None, "undefined: out of numeric range"
        return value, ""


def metric(
    label: str,
    group: Group,
    format: Format,  # noqa: A002, RUF100  the word that the reader of the catalogue sees
    *,
    formula: str,
    conventions: str = "",
    source: str = COMMON,
    other_tools: str = "",
    better: Better = None,
) -> Callable[[MetricFunction], Metric]:
    """Make a function of the account a `Metric` of the function's name."""

    def describe(function: MetricFunction) -> Metric:
        return Metric(
            name=function.__name__, label=label, group=group, format=format, formula=formula,
            conventions=conventions, source=source, other_tools=other_tools, better=better, function=function,
        )  # fmt: skip

    return describe
