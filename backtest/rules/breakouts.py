"""Rules that follow a price out of the range it was in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backtest import indicators
from backtest.arrays import Flags, Floats, Sides
from backtest.fields import Field
from backtest.indicators import shifted
from backtest.rules.lines import Line
from backtest.rules.parameters import bars
from backtest.rules.rule import Prices, Rule
from backtest.signals.bands import outside
from backtest.signals.positions import positions
from backtest.signals.sweeping import kept


@dataclass(frozen=True, slots=True)
class DonchianBreakout(Rule):
    """Long from a close above the channel of the bars before, short from a close below."""

    name = "DONCHIAN_BREAKOUT"
    label = "Donchian breakout"
    help = "Enters when the close leaves the channel of previous highs and lows."
    long = (
        "from a close above the highest high of the `period` bars before to a close below the lowest "
        "low of the `exit_period` bars before."
    )
    short = (
        "from a close below the lowest low of the `period` bars before to a close above the highest "
        "high of the `exit_period` bars before."
    )
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "Channel", 20, "Length of the channel whose break enters."),
        bars("exit_period", "Exit channel", 10, "Length of the channel whose break exits."),
    )  # fmt: skip

    period: int = 20
    exit_period: int = 10

    @property
    def warmup(self) -> int:
        return self.period

    def exposure(self, prices: Prices) -> Sides:
        above, below = _breaks(prices.close, prices.high, prices.low, self.period)
        exit_above, exit_below = _breaks(prices.close, prices.high, prices.low, self.exit_period)
        return positions(above, exit_below, below, exit_above)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        return tuple(
            line
            for period in dict.fromkeys((self.period, self.exit_period))
            for line in _channel_lines(prices.high, prices.low, period)
        )


@dataclass(frozen=True, slots=True)
class VolumeBreakout(Rule):
    """Long from a new highest close on heavy volume, short from a new lowest close on heavy volume."""

    name = "VOLUME_BREAKOUT"
    label = "Volume breakout"
    help = "Enters at a new extreme of the close on volume far above its average."
    long = (
        "from a close above the highest close of the `period` bars before, on a volume above `multiple` "
        "times the average volume of those bars, to a close below the lowest close of the `exit_period` "
        "bars before."
    )
    short = (
        "from a close below the lowest close of the `period` bars before, on such a volume, to a close "
        "above the highest close of the `exit_period` bars before."
    )
    needs_volume = True
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "Period", 20, "Bars for the extreme of the close and for the average volume."),
        Field(name="multiple", kind="float", label="Volume multiple", default=1.5, low=0, high=1_000,
              unit="times", help="Entries require volume above this multiple of its average."),
        bars("exit_period", "Exit period", 10, "Bars whose lowest (long) or highest (short) close exits when broken."),
    )  # fmt: skip

    period: int = 20
    multiple: float = 1.5
    exit_period: int = 10

    @property
    def warmup(self) -> int:
        return self.period

    def exposure(self, prices: Prices) -> Sides:
        close = prices.close
        above, below = _heavy_breaks(close, prices.volume, self.period, self.multiple)
        exit_above, exit_below = _breaks(close, close, close, self.exit_period)
        return positions(above, exit_below, below, exit_above)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        close = prices.close
        return (
            *(
                line
                for period in dict.fromkeys((self.period, self.exit_period))
                for line in _channel_lines(close, close, period)
            ),
            Line("Volume", prices.volume, "Volume"),
            Line(
                f"{self.multiple:g} × average",
                _heavy_volume(prices.volume, self.period, self.multiple),
                "Volume",
            ),
        )


@dataclass(frozen=True, slots=True)
class AtrVolatility(Rule):
    """Long from a close that rises by more than the usual range, trailed by a multiple of that range."""

    name = "ATR_VOLATILITY"
    label = "ATR volatility breakout"
    help = "Enters when the close moves by more than a multiple of the average true range in one bar."
    long = (
        "from a close more than `entry_multiple` average true ranges (of the bar before) above the close "
        "before, to a close more than `exit_multiple` average true ranges below the highest high of the "
        "last `exit_period` bars."
    )
    short = (
        "from a close that much below the close before, to a close more than `exit_multiple` average true "
        "ranges above the lowest low of the last `exit_period` bars."
    )
    params: ClassVar[tuple[Field, ...]] = (
        bars("period", "ATR period", 14, "Length of the average true range."),
        Field(name="entry_multiple", kind="float", label="Entry", default=1.0, low=0, above=True, high=100,
              unit="ATR", help="One-bar move that enters."),
        bars("exit_period", "Exit period", 22, "Bars for the extreme from which the exit is measured."),
        Field(name="exit_multiple", kind="float", label="Exit", default=3.0, low=0, above=True, high=100,
              unit="ATR", help="Distance from the extreme that exits."),
    )  # fmt: skip

    period: int = 14
    entry_multiple: float = 1.0
    exit_period: int = 22
    exit_multiple: float = 3.0

    @property
    def warmup(self) -> int:
        return self.period + 1

    def exposure(self, prices: Prices) -> Sides:
        own = (prices.high, prices.low, prices.close, self.period)
        rises, falls = _unusual_moves(*own, self.entry_multiple)
        below, above = _exits_met(*own, self.exit_period, self.exit_multiple)
        return positions(rises, below, falls, above)

    def lines(self, prices: Prices) -> tuple[Line, ...]:
        close = prices.close
        atr = indicators.average_true_range(prices.high, prices.low, close, self.period)
        long_exit, short_exit = _exits(prices.high, prices.low, atr, self.exit_period, self.exit_multiple)
        pane = f"Change against ATR {self.period}"
        return (
            Line("Long exit", long_exit),
            Line("Short exit", short_exit),
            Line("Change", close - shifted(close, 1), pane),
            Line(f"{self.entry_multiple:g} ATR", self.entry_multiple * shifted(atr, 1), pane),
            Line(f"-{self.entry_multiple:g} ATR", -self.entry_multiple * shifted(atr, 1), pane),
        )


@kept(2)
def _heavy_breaks(close: Floats, volume: Floats, period: int, multiple: float) -> tuple[Flags, Flags]:
    """Whether the close is above, and whether it is below the closes of the bars before, on heavy volume."""
    heavy = volume > _heavy_volume(volume, period, multiple)
    above, below = _breaks(close, close, close, period)
    return heavy & above, heavy & below


def _heavy_volume(volume: Floats, period: int, multiple: float) -> Floats:
    """The volume that an entry must exceed."""
    return multiple * shifted(indicators.sma(volume, period), 1)


@kept(3)
def _unusual_moves(
    high: Floats, low: Floats, close: Floats, period: int, multiple: float
) -> tuple[Flags, Flags]:
    """Whether the close rises, and whether it falls, by more than the usual range."""
    still, move, before = _moves(high, low, close, period)
    return outside(move, still, still, before, multiple)


@kept(3)
def _moves(high: Floats, low: Floats, close: Floats, period: int) -> tuple[Floats, Floats, Floats]:
    """No move, the moves of the close, and the average true ranges of the bars before."""
    atr = indicators.average_true_range(high, low, close, period)
    return np.zeros(len(close)), close - shifted(close, 1), shifted(atr, 1)


@kept(3)
def _exits_met(
    high: Floats, low: Floats, close: Floats, period: int, exit_period: int, multiple: float
) -> tuple[Flags, Flags]:
    """Whether a long position, and whether a short one is left."""
    atr = indicators.average_true_range(high, low, close, period)
    highest, lowest = indicators.highest(high, exit_period), indicators.lowest(low, exit_period)
    above, below = outside(close, lowest, highest, atr, multiple)
    return below, above


def _exits(high: Floats, low: Floats, atr: Floats, period: int, multiple: float) -> tuple[Floats, Floats]:
    """The closes at which a long and a short position are left."""
    distance = multiple * atr
    return indicators.highest(high, period) - distance, indicators.lowest(low, period) + distance


@kept(3)
def _breaks(close: Floats, high: Floats, low: Floats, period: int) -> tuple[Flags, Flags]:
    """Whether the close is above, and whether it is below the channel of the bars before."""
    top, bottom = _channel(high, low, period)
    return close > top, close < bottom


def _channel(high: Floats, low: Floats, period: int) -> tuple[Floats, Floats]:
    """The highest and the lowest value of the bars before each bar."""
    return shifted(indicators.highest(high, period), 1), shifted(indicators.lowest(low, period), 1)


def _channel_lines(high: Floats, low: Floats, period: int) -> tuple[Line, Line]:
    top, bottom = _channel(high, low, period)
    return Line(f"Highest of {period} before", top), Line(f"Lowest of {period} before", bottom)
