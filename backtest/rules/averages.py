"""Rules that compare a series with an average of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from backtest import indicators, jit
from backtest.arrays import Floats, Sides
from backtest.fields import Field
from backtest.prices.bars import Bars
from backtest.rules.lines import Line
from backtest.rules.parameters import bars
from backtest.rules.rule import Prices, Rule
from backtest.signals.crossings import side_since_crossing
from backtest.signals.side_by_side import keep_macd
from backtest.signals.sma_cross_jit import side_since_sma_cross


@dataclass(frozen=True, slots=True)
class MovingAverageCross(Rule):
    """Long since the fast average of the close crossed above the slow one, short since below."""

    name = "MOVING_AVERAGE_CROSS"
    label = "Moving average cross"
    help = "Trades crossovers of a fast and a slow moving average of the close."
    long = (
        "from the bar on which the fast average crosses above the slow one to the bar on which it "
        "crosses below. The initial order of the averages is not a crossover; averages that touch "
        "(equal to 1e-11) and separate to the same side again have not crossed."
    )
    short = "from the crossover below to the crossover above."
    params: ClassVar[tuple[Field, ...]] = (
        bars("fast", "Fast average", 10, "Length of the fast moving average."),
        bars("slow", "Slow average", 30, "Length of the slow moving average.", low=2),
        Field(name="kind", kind="choice", label="MA type", default="sma", choices=("sma", "ema"),
              help="SMA: equal weights; EMA: recent bars weigh more."),
    )  # fmt: skip
    ascending = (("fast", "slow"),)

    fast: int = 10
    slow: int = 30
    kind: Literal["sma", "ema"] = "sma"

    @property
    def warmup(self) -> int:
        return self.slow

    def target(self, bars: Bars) -> Floats:
        """The position wanted in each symbol at each close, shape (T, M), C-contiguous."""
        if self.kind == "sma" and jit.is_worth_loading(bars.close.size):
            return side_since_sma_cross(bars.close, self.fast, self.slow)
        return Rule.target(self, bars)

    def exposure(self, prices: Prices) -> Sides:
        close = prices.close
        fast, slow = (self.line(close, period, self.kind) for period in (self.fast, self.slow))
        return side_since_crossing(fast, slow)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        close = prices.close
        return tuple(
            Line(f"{self.kind.upper()} {period}", self.line(close, period, self.kind))
            for period in (self.fast, self.slow)
        )

    @staticmethod
    def line(close: Floats, period: int, kind: str = "sma") -> Floats:
        """One average, (T,), NaN for its first `period - 1` bars.

        A grid of parameters needs each only once: the target of a pair is
        ``crossings.side_since_crossing(line(close, fast), line(close, slow))``.
        """
        return indicators.sma(close, period) if kind == "sma" else indicators.ema(close, period)


@dataclass(frozen=True, slots=True)
class Macd(Rule):
    """Long since the MACD line crossed above its signal line, short since below."""

    name = "MACD"
    label = "MACD"
    help = "Trades crossovers of the MACD line and its signal line."
    long = (
        "from the bar on which the MACD line (fast minus slow exponential average of the close) "
        "crosses above its signal line (its own exponential average) to the bar on which it crosses "
        "below. The initial order of the lines is not a crossover."
    )
    short = "from the crossover below to the crossover above."
    params: ClassVar[tuple[Field, ...]] = (
        bars("fast", "Fast average", 12, "Length of the fast EMA.", low=2),
        bars("slow", "Slow average", 26, "Length of the slow EMA.", low=3),
        bars("signal", "Signal line", 9, "Length of the EMA of the MACD line.", low=2),
    )  # fmt: skip
    ascending = (("fast", "slow"),)

    fast: int = 12
    slow: int = 26
    signal: int = 9

    @property
    def warmup(self) -> int:
        return self.slow + self.signal - 1

    def exposure(self, prices: Prices) -> Sides:
        line, average = indicators.macd_and_signal(prices.close, self.fast, self.slow, self.signal)
        return side_since_crossing(line, average)

    @classmethod
    def prepare(cls, rules: Sequence[Self], prices: Prices) -> None:
        keep_macd(prices.close, ((rule.fast, rule.slow, rule.signal) for rule in rules))

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        return macd_lines(prices.close, self.fast, self.slow, self.signal)


def macd_lines(close: Floats, fast: int, slow: int, signal: int) -> tuple[Line, Line]:
    """The MACD line and its signal line in a pane of their own."""
    line, average, _ = indicators.macd(close, fast, slow, signal)
    pane = f"MACD {fast}, {slow}, {signal}"
    return Line("MACD", line, pane), Line("Signal", average, pane)
