"""Technical indicators over one symbol's series, computed by TA-Lib.

Each takes (T,) float64 arrays, oldest first, and returns (T,) arrays in which a value at bar t
depends on bars <= t alone. Bars before the first full period are NaN, and so is everything where
the series is too short. A NaN within the input ends the series; after it the indicator starts
afresh, so that one missing value does not spoil all that follow.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType

import numpy as np

from backtest.arrays import Floats
from backtest.optional_imports import hidden
from backtest.signals.sweeping import kept

_loading = threading.Lock()


@cache
def _talib() -> ModuleType:
    """TA-Lib's extension module, loaded without pandas and polars."""
    with _loading, hidden("pandas", "polars"):
        is_loaded = "talib" in sys.modules
        extension = importlib.import_module("talib._ta_lib")
        if not is_loaded:  # so that a later `import talib` finds pandas and accepts its series
            sys.modules.pop("talib", None)
    return extension


@cache
def _function(name: str) -> Callable[..., object]:
    """A TA-Lib function, free of the wrapper for pandas that ``import talib`` puts around it."""
    function = vars(_talib())[name]
    bare: Callable[..., object] = getattr(function, "__wrapped__", function)
    return bare


def _compute(name: str, inputs: Sequence[Floats], *options: float, first: int) -> tuple[Floats, ...]:
    """Call a TA-Lib function over each stretch of the inputs that is free of NaN.

    `first` is the number of bars before the first value; shorter stretches stay NaN.
    """
    call = _function(name)
    columns = [np.ascontiguousarray(values, dtype=np.float64) for values in inputs]
    count = len(columns[0])
    begin = max(map(_first_known, columns))
    if count - begin > first and not any(np.isnan(values[begin:].min()) for values in columns):
        return _tuple(call(*columns, *options))  # which passes over unknown values at the start itself
    stretches = [span for span in _stretches(columns) if span.stop - span.start > first]
    parts = [_tuple(call(*(values[span] for values in columns), *options)) for span in stretches]
    results = tuple(np.full(count, np.nan) for _ in range(len(parts[0]) if parts else 3))
    for span, part in zip(stretches, parts, strict=True):
        for result, values in zip(results, part, strict=True):
            result[span] = values
    return results


def _first_known(values: Floats) -> int:
    """The first bar with a value; 0 where there is none."""
    return int(np.argmin(np.isnan(values))) if len(values) and np.isnan(values[0]) else 0


def _tuple(output: object) -> tuple[Floats, ...]:
    return output if isinstance(output, tuple) else (output,)


def _stretches(columns: Sequence[Floats]) -> list[slice]:
    """The longest runs of bars at which every column has a value."""
    known = np.ones(len(columns[0]) + 2, dtype=np.bool_)
    known[0] = known[-1] = False
    for values in columns:
        known[1:-1] &= ~np.isnan(values)
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


@kept(1)
def sma(values: Floats, period: int) -> Floats:
    """Simple moving average of the last `period` values."""
    return _compute("SMA", [values], period, first=period - 1)[0] if period > 1 else values


@kept(1)
def ema(values: Floats, period: int) -> Floats:
    """Exponential moving average, smoothing 2 / (period + 1), seeded with the first simple average."""
    if period <= 1:
        return values
    if len(values) >= period and values[-1] == values[-1]:
        (average,) = _tuple(_function("EMA")(np.ascontiguousarray(values, np.float64), period))
        if average[-1] == average[-1]:  # a missing value spoils all averages behind it: none is missing
            return average
    return _compute("EMA", [values], period, first=period - 1)[0]


@kept(1)
def rsi(values: Floats, period: int) -> Floats:
    """Relative strength index of Wilder, 0 to 100; 50 where nothing has moved for a whole period."""
    strength = _compute("RSI", [values], period, first=period)[0]
    zero = np.flatnonzero(strength == 0.0)
    if len(zero):
        still = highest(values, period + 1) == lowest(values, period + 1)
        strength[zero[still[zero]]] = 50.0
    return strength


def macd(values: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats, Floats]:
    """MACD line (fast minus slow exponential average), its signal line and their difference.

    TA-Lib's own three lines to the last bit; the line does not depend on `signal`, so a sweep computes it once.
    """
    whole, average = macd_and_signal(values, fast, slow, signal)
    line = np.where(np.isnan(average), np.nan, whole)
    return line, average, line - average


@kept(1)
def macd_and_signal(values: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats]:
    """MACD line and signal line, the first of which is known on earlier bars than the second."""
    line = macd_line(values, fast, slow)
    return line, ema(line, signal)


@kept(1)
def macd_line(values: Floats, fast: int, slow: int) -> Floats:
    """The fast less the slow exponential average, both seeded so that they are first known on the same bar."""
    return _compute("MACD", [values], fast, slow, 1, first=slow - 1)[0]


def bollinger_bands(values: Floats, period: int, deviations: float) -> tuple[Floats, Floats, Floats]:
    """Upper, middle and lower band: simple average ± `deviations` population standard deviations.

    TA-Lib's own bands to the last bit, from an average and a deviation that do not depend on their number.
    """
    middle, distance = sma(values, period), deviations * standard_deviation(values, period)
    return middle + distance, middle, middle - distance


@kept(1)
def standard_deviation(values: Floats, period: int) -> Floats:
    """Population standard deviation of the last `period` values."""
    return _compute("STDDEV", [values], period, 1.0, first=period - 1)[0]


@kept(1)
def highest(values: Floats, period: int) -> Floats:
    """The highest of the last `period` values."""
    return _compute("MAX", [values], period, first=period - 1)[0] if period > 1 else values


@kept(1)
def lowest(values: Floats, period: int) -> Floats:
    """The lowest of the last `period` values."""
    return _compute("MIN", [values], period, first=period - 1)[0] if period > 1 else values


@kept(1)
def rate_of_change(values: Floats, period: int) -> Floats:
    """Change over `period` bars in percent of the older value; NaN where that is 0."""
    change = _compute("ROC", [values], period, first=period)[0]
    change[period:][values[:-period] == 0.0] = np.nan
    return change


@kept(1)
def momentum(values: Floats, period: int) -> Floats:
    """Change over `period` bars, in the unit of the values."""
    return _compute("MOM", [values], period, first=period)[0]


@kept(3)
def average_true_range(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Average true range of Wilder, in currency."""
    return _compute("ATR", [high, low, close], period, first=period)[0]


@kept(3)
def average_directional_index(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Strength of a trend whatever its direction, by Wilder, 0 to 100."""
    return _compute("ADX", [high, low, close], period, first=2 * period - 1)[0]


@kept(2)
def on_balance_volume(close: Floats, volume: Floats) -> Floats:
    """Running sum of volume, added where the close rises and subtracted where it falls."""
    return _compute("OBV", [close, volume], first=0)[0]


@kept(1)
def shifted(values: Floats, bars: int) -> Floats:
    """The values of `bars` bars before; NaN for the first ones."""
    past = np.full(len(values), np.nan)
    past[bars:] = values[: len(values) - bars] if bars < len(values) else past[bars:]
    return past
