"""Rules that stay with a trend as long as it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backtest import indicators
from backtest.arrays import Flags, Floats, Sides
from backtest.fields import Field
from backtest.rules.lines import Line
from backtest.rules.parameters import bars
from backtest.rules.rule import Prices, Rule
from backtest.signals.positions import positions
from backtest.signals.sweeping import kept


@dataclass(frozen=True, slots=True)
class TrendFollowing(Rule):
    """Long while the close is above its average, once the trend was strong enough to enter."""

    name = "TREND_FOLLOWING"
    label = "Trend following"
    help = "Enters strong trends in the direction of a long EMA, exits when the close crosses back."
    long = (
        "from a close above its exponential average of `period` bars with an average directional index "
        "(ADX) of at least `adx_threshold`, to a close below the average."
    )
    short = "from a close below the average with such an ADX, to a close above the average."
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "Average", 100, "Length of the EMA that separates up from down.", low=2),
        Field(name="adx_period", kind="int", label="ADX period", default=14, low=2, high=2_500, unit="bars",
              help="Length of the average directional index."),
        Field(name="adx_threshold", kind="float", label="ADX threshold", default=20.0, low=0, high=100,
              help="Minimum strength of a trend to enter; 0 enters every trend."),
    )  # fmt: skip

    period: int = 100
    adx_period: int = 14
    adx_threshold: float = 20.0

    @property
    def warmup(self) -> int:
        return max(self.period - 1, 2 * self.adx_period - 1)

    def exposure(self, prices: Prices) -> Sides:
        strong = _is_strong(prices.high, prices.low, prices.close, self.adx_period, self.adx_threshold)
        above, below = _sides_of_average(prices.close, self.period)
        return positions(strong & above, below, strong & below, above)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        average = indicators.ema(prices.close, self.period)
        adx = indicators.average_directional_index(prices.high, prices.low, prices.close, self.adx_period)
        pane = f"ADX {self.adx_period}"
        return (
            Line(f"EMA {self.period}", average),
            Line("ADX", adx, pane),
            Line("Threshold", self.adx_threshold, pane),
        )


@kept(3)
def _is_strong(high: Floats, low: Floats, close: Floats, period: int, threshold: float) -> Flags:
    return indicators.average_directional_index(high, low, close, period) >= threshold


@kept(1)
def _sides_of_average(close: Floats, period: int) -> tuple[Flags, Flags]:
    """Whether the close is above, and whether it is below its average."""
    average = indicators.ema(close, period)
    return close > average, close < average


@dataclass(frozen=True, slots=True)
class Momentum(Rule):
    """Long while the close is higher than some bars ago, short while it is lower."""

    name = "MOMENTUM"
    label = "Momentum"
    help = "Long after a rise over the last bars, short after a fall."
    long = "on every bar whose close is more than `threshold_pct` percent above the close `period` bars ago."
    short = "on every bar whose close is more than `threshold_pct` percent below it."
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "Period", 90, "Bars over which the change is measured."),
        Field(name="threshold_pct", kind="float", label="Threshold", default=0.0, low=0, high=1_000, unit="%",
              help="Change that must be exceeded; flat otherwise."),
    )  # fmt: skip

    period: int = 90
    threshold_pct: float = 0.0

    @property
    def warmup(self) -> int:
        return self.period

    def exposure(self, prices: Prices) -> Sides:
        change = indicators.rate_of_change(prices.close, self.period)
        return (change > self.threshold_pct).view(np.int8) - (change < -self.threshold_pct).view(np.int8)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        pane = f"Change over {self.period} bars, %"
        levels = dict.fromkeys((self.threshold_pct, -self.threshold_pct))
        return (
            Line("Change", indicators.rate_of_change(prices.close, self.period), pane),
            *(Line("Threshold", level, pane) for level in levels),
        )


@dataclass(frozen=True, slots=True)
class BuyAndHold(Rule):
    """Long from the first bar to the last."""

    name = "BUY_AND_HOLD"
    label = "Buy and hold"
    help = "Buys on the first bar and never sells: the baseline for every other rule, costs included."
    long = "on every bar."
    short = "never."

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> Sides:
        return np.ones(len(prices), np.int8)
