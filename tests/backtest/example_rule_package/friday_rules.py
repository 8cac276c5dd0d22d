"""A team's own rules, in a package of their own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backtest.fields import Field
from backtest.rules import Prices, Rule


@dataclass(frozen=True, slots=True)
class HigherClose(Rule):
    """Long on every bar that closes higher than some bars before."""

    name = "HIGHER_CLOSE"
    label = "Higher close"
    help = "Holds what closes higher than it did."
    long = "on every bar whose close is above the close `bars` bars before."
    short = "never."
    params: ClassVar[tuple[Field, ...]] = (
        Field(name="bars", kind="int", label="Bars", default=1, low=1, high=100, help="How far back."),
    )

    bars: int = 1

    @property
    def warmup(self) -> int:
        return self.bars

    def exposure(self, prices: Prices) -> np.ndarray:
        close = prices.close
        higher = np.zeros(len(close))
        higher[self.bars :] = close[self.bars :] > close[: -self.bars]
        return higher


class Unfinished(Rule):
    """Lacks both methods of a rule."""

    name = "UNFINISHED"


class Misnamed(HigherClose):
    """Has another name than its entry point."""


NOT_A_RULE = object()
