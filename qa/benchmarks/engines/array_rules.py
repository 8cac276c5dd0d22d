"""The built-in rules as users of array libraries write them: entries and exits of one symbol, from TA-Lib and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import talib
from numpy.typing import NDArray

from qa.benchmarks.market import Market

Flags = NDArray[np.bool_]
Sides = tuple[Flags, Flags]


class Arrays:
    """One symbol's bars, each line of which is computed once; entries and exits of a long account of any rule."""

    def __init__(self, market: Market) -> None:
        names = ("open", "high", "low", "close", "volume")
        self.open, self.high, self.low, self.close, self.volume = (
            getattr(market, name)[:, 0].copy() for name in names
        )
        self.line: Callable[..., Any] = cache(self._line)

    def signals(self, rule: str, params: dict[str, float]) -> Sides:
        """Where it enters, and where it leaves."""
        whole = {name: int(value) if value == int(value) else value for name, value in params.items()}
        with np.errstate(all="ignore"):
            return RULES[rule](self, **whole)

    def _line(self, function: str, *options: float) -> Any:
        inputs = {
            "ATR": (self.high, self.low, self.close), "ADX": (self.high, self.low, self.close),
            "HIGH": (self.high,), "LOW": (self.low,), "VOLUME": (self.volume,),
        }.get(function, (self.close,))  # fmt: skip
        name = {"HIGH": "MAX", "LOW": "MIN", "VOLUME": "SMA"}.get(function, function)
        return getattr(talib, name)(*inputs, *options)


def crossings(first: Any, second: Any) -> Sides:
    """Strictly on one side a bar ago, strictly on the other now."""
    above, below = first > second, first < second
    up, down = np.zeros(len(first), bool), np.zeros(len(first), bool)
    up[1:] = above[1:] & below[:-1]
    down[1:] = below[1:] & above[:-1]
    return up, down


def long_only(enter: Flags, leave: Flags, short: Flags, cover: Flags) -> Sides:
    """A rule of both sides in an account that is never short: where it would be short, it leaves."""
    up, down = enter & ~leave, short & ~cover
    return up & ~down, leave | (down & ~up)


def before(values: Any) -> Any:
    """The values of the bar before."""
    return np.concatenate(([np.nan], values[:-1]))


def lately(events: Flags, window: int) -> Flags:
    """Whether one of the last bars is true."""
    sums = np.cumsum(events)
    return sums - np.concatenate((np.zeros(window, sums.dtype), sums[:-window])) > 0


def moving_average_cross(own: Arrays, fast: int, slow: int) -> Sides:
    return crossings(own.line("SMA", fast), own.line("SMA", slow))


def rsi(own: Arrays, period: int, oversold: float, overbought: float) -> Sides:
    strength = own.line("RSI", period)
    return strength < oversold, strength > overbought


def macd(own: Arrays, fast: int, slow: int, signal: int) -> Sides:
    return crossings(*own.line("MACD", fast, slow, signal)[:2])


def rsi_macd(
    own: Arrays, period: int, oversold: float, fast: int, slow: int, signal: int, window: int
) -> Sides:
    strength, (up, down) = own.line("RSI", period), macd(own, fast, slow, signal)
    return up & lately(strength < oversold, window), down & lately(strength > 60.0, window)


def bollinger_bands(own: Arrays, period: int, deviations: float) -> Sides:
    upper, middle, lower = own.line("BBANDS", period, float(deviations), float(deviations))
    close = own.close
    return long_only(close < lower, close >= middle, close > upper, close <= middle)


def donchian_breakout(own: Arrays, period: int, exit_period: int) -> Sides:
    top, bottom = (before(own.line(side, period)) for side in ("HIGH", "LOW"))
    exit_top, exit_bottom = (before(own.line(side, exit_period)) for side in ("HIGH", "LOW"))
    close = own.close
    return long_only(close > top, close < exit_bottom, close < bottom, close > exit_top)


def volume_breakout(own: Arrays, period: int, multiple: float, exit_period: int) -> Sides:
    top, bottom = (before(own.line(side, period)) for side in ("MAX", "MIN"))
    exit_top, exit_bottom = (before(own.line(side, exit_period)) for side in ("MAX", "MIN"))
    close, heavy = own.close, own.volume > multiple * before(own.line("VOLUME", period))
    return long_only(heavy & (close > top), close < exit_bottom, heavy & (close < bottom), close > exit_top)


def atr_volatility(
    own: Arrays, period: int, entry_multiple: float, exit_period: int, exit_multiple: float
) -> Sides:
    close, atr = own.close, own.line("ATR", period)
    move, unusual, distance = close - before(close), entry_multiple * before(atr), exit_multiple * atr
    leave = close < own.line("HIGH", exit_period) - distance
    return long_only(move > unusual, leave, move < -unusual, close > own.line("LOW", exit_period) + distance)


def trend_following(own: Arrays, period: int, adx_period: int, adx_threshold: float) -> Sides:
    close, average = own.close, own.line("EMA", period)
    strong, above, below = own.line("ADX", adx_period) >= adx_threshold, close > average, close < average
    return long_only(strong & above, below, strong & below, above)


def momentum(own: Arrays, period: int, threshold_pct: float) -> Sides:
    up = own.line("ROC", period) > threshold_pct
    return up, ~up


def expression(own: Arrays, n: int, k: float) -> Sides:
    enter = (own.close > own.line("SMA", n)) & (own.line("RSI", 14) < 50 + k)
    leave = own.close < own.line("EMA", n) - k / 20
    return enter & ~leave, leave


RULES: dict[str, Callable[..., Sides]] = {
    function.__name__.upper(): function
    for function in (
        moving_average_cross, rsi, macd, rsi_macd, bollinger_bands, donchian_breakout, volume_breakout,
        atr_volatility, trend_following, momentum, expression,
    )
}  # fmt: skip
