"""Rules that buy weakness and sell strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from backtest import indicators
from backtest.arrays import Flags, Floats, Sides
from backtest.fields import Field
from backtest.rules.averages import macd_lines
from backtest.rules.lines import Line
from backtest.rules.parameters import bars
from backtest.rules.rule import Prices, Rule
from backtest.signals.bands import outside
from backtest.signals.crossings import crosses
from backtest.signals.positions import any_in_window, positions, reversing
from backtest.signals.sweeping import kept


@dataclass(frozen=True, slots=True)
class Rsi(Rule):
    """Long once the relative strength index is oversold, short once it is overbought."""

    name = "RSI"
    label = "Relative strength index"
    help = "Buys when the RSI falls below its lower level and sells when it rises above its upper one."
    long = (
        "from the first close with RSI below `oversold` to the first close with RSI above `overbought`; "
        "values between the levels do not change the position."
    )
    short = "from the first close with RSI above `overbought` to the first close with RSI below `oversold`."
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "Period", 14, "Length of the RSI.", low=2),
        Field(name="oversold", kind="float", label="Oversold", default=30.0, low=0, high=100,
              help="Buy below this level."),
        Field(name="overbought", kind="float", label="Overbought", default=70.0, low=0, high=100,
              help="Sell above this level."),
    )  # fmt: skip
    ascending = (("oversold", "overbought"),)

    period: int = 14
    oversold: float = 30.0
    overbought: float = 70.0

    @property
    def warmup(self) -> int:
        return self.period

    def exposure(self, prices: Prices) -> Sides:
        strength = indicators.rsi(prices.close, self.period)
        return reversing(strength < self.oversold, strength > self.overbought)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        return _rsi_lines(prices.close, self.period, self.oversold, self.overbought)


@dataclass(frozen=True, slots=True)
class RsiMacd(Rule):
    """Long when the MACD turns up soon after the RSI was oversold, short in the mirrored case."""

    name = "RSI_MACD"
    label = "RSI with MACD"
    help = "Buys when a MACD crossover confirms a reversal from oversold, sells in the mirrored case."
    long = (
        "from the bar on which the MACD line crosses above its signal line while the RSI was below "
        "`oversold` on at least one of the last `window` bars (this one counts) to the mirrored bar."
    )
    short = (
        "from the bar on which the MACD line crosses below its signal line while the RSI was above "
        "`overbought` on at least one of the last `window` bars to the bar that goes long."
    )
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "RSI period", 14, "Length of the RSI.", low=2),
        Field(name="oversold", kind="float", label="Oversold", default=40.0, low=0, high=100,
              help="Upward MACD crossovers count after an RSI below this level."),
        Field(name="overbought", kind="float", label="Overbought", default=60.0, low=0, high=100,
              help="Downward MACD crossovers count after an RSI above this level."),
        bars("fast", "MACD fast average", 12, "Length of the fast EMA.", low=2),
        bars("slow", "MACD slow average", 26, "Length of the slow EMA.", low=3),
        bars("signal", "MACD signal line", 9, "Length of the EMA of the MACD line.", low=2),
        bars("window", "Window", 10, "Bars within which the RSI must have been beyond its level."),
    )  # fmt: skip
    ascending = (("oversold", "overbought"), ("fast", "slow"))

    period: int = 14
    oversold: float = 40.0
    overbought: float = 60.0
    fast: int = 12
    slow: int = 26
    signal: int = 9
    window: int = 10

    @property
    def warmup(self) -> int:
        return max(self.period, self.slow + self.signal - 1)

    def exposure(self, prices: Prices) -> Sides:
        close = prices.close
        turns_up, turns_down = _macd_turns(close, self.fast, self.slow, self.signal)
        was_oversold = _was_oversold(close, self.period, self.oversold, self.window)
        was_overbought = _was_overbought(close, self.period, self.overbought, self.window)
        return reversing(was_oversold & turns_up, was_overbought & turns_down)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        close = prices.close
        return (
            *_rsi_lines(close, self.period, self.oversold, self.overbought),
            *macd_lines(close, self.fast, self.slow, self.signal),
        )


@dataclass(frozen=True, slots=True)
class BollingerBands(Rule):
    """Long from a close below the lower band until the middle is reached again; mirrored short."""

    name = "BOLLINGER_BANDS"
    label = "Bollinger bands"
    help = "Mean reversion: enters outside the bands, exits at the middle band."
    long = (
        "from a close below the lower band (average minus `deviations` population standard deviations) "
        "to the first close at or above the middle."
    )
    short = "from a close above the upper band to the first close at or below the middle."
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "Period", 20, "Length of average and standard deviation.", low=2),
        Field(name="deviations", kind="float", label="Width", default=2.0, low=0, above=True, high=20,
              unit="standard deviations", help="Distance of the bands from the middle band."),
    )  # fmt: skip

    period: int = 20
    deviations: float = 2.0

    @property
    def warmup(self) -> int:
        return self.period - 1

    def exposure(self, prices: Prices) -> Sides:
        close = prices.close
        middle, deviation = (
            indicators.sma(close, self.period),
            indicators.standard_deviation(close, self.period),
        )
        above, below = outside(close, middle, middle, deviation, self.deviations)
        not_below, not_above = _sides_of_middle(close, self.period)
        return positions(below, not_below, above, not_above)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        bands = indicators.bollinger_bands(prices.close, self.period, self.deviations)
        labels = ("Upper band", "Middle band", "Lower band")
        return tuple(Line(label, values) for label, values in zip(labels, bands, strict=True))


@kept(1)
def _macd_turns(close: Floats, fast: int, slow: int, signal: int) -> tuple[Flags, Flags]:
    """Whether the MACD line crosses above, and whether it crosses below its signal line."""
    line, average = indicators.macd_and_signal(close, fast, slow, signal)
    return crosses(line, average, 1), crosses(line, average, -1)


@kept(1)
def _was_oversold(close: Floats, period: int, level: float, window: int) -> Flags:
    return any_in_window(indicators.rsi(close, period) < level, window)


@kept(1)
def _was_overbought(close: Floats, period: int, level: float, window: int) -> Flags:
    return any_in_window(indicators.rsi(close, period) > level, window)


@kept(1)
def _sides_of_middle(close: Floats, period: int) -> tuple[Flags, Flags]:
    """Whether the close is at the middle band or above, and whether it is there or below."""
    middle = indicators.sma(close, period)
    return close >= middle, close <= middle


def _rsi_lines(close: Floats, period: int, oversold: float, overbought: float) -> tuple[Line, ...]:
    pane = f"RSI {period}"
    return (
        Line("RSI", indicators.rsi(close, period), pane),
        Line("Oversold", oversold, pane),
        Line("Overbought", overbought, pane),
    )
