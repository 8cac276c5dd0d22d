"""MACD lines of many settings, computed side by side and kept by a sweep.

They are those of `indicators` to the last bit, where the processor lets the compiler round as TA-Lib does; where it
does not, nothing is kept here, and each is computed when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from inspect import unwrap
from pathlib import Path
from types import ModuleType

import numpy as np

from backtest import indicators, jit
from backtest.arrays import Floats
from backtest.signals import sweeping
from backtest.signals.sweeping import Memory, key_of

_LINE, _BOTH = unwrap(indicators.macd_line), unwrap(indicators.macd_and_signal)


@cache
def kernel() -> ModuleType:
    """`backtest.signals.average_kernel` compiled."""
    return jit.load(Path(__file__).with_name("average_kernel.py"), fastmath={"contract"})


def keep_macd(close: Floats, windows: Iterable[tuple[int, int, int]]) -> None:
    """Have `indicators.macd_and_signal` known to the sweep for these (fast, slow, signal) until it forgets.

    Parameters
    ----------
    close : (T,) without NaN
    """
    memory = sweeping.current()
    if memory is None or not is_exact():
        return
    signals: dict[tuple[int, int], dict[int, None]] = {}
    for fast, slow, signal in windows:
        if slow + signal <= len(close):
            signals.setdefault((fast, slow), {})[signal] = None
    _keep_lines(memory, close, list(signals))
    for (fast, slow), own in signals.items():
        line, periods = indicators.macd_line(close, fast, slow), list(own)
        averages = exponential(line, [slow - 1] * len(periods), periods)
        for signal, average in zip(periods, averages, strict=True):
            given = close, fast, slow, signal
            memory.keep(key_of(_BOTH, given, 1), given, (line, average), until_forgotten=True)


def _keep_lines(memory: Memory, close: Floats, pairs: list[tuple[int, int]]) -> None:
    """Keep the lines of (fast, slow) that are not known; the fast average is seeded where the slow one is known."""
    missing = [pair for pair in pairs if memory.known(key_of(_LINE, (close, *pair), 1)) is None]
    averages = exponential(close, [slow - fast for fast, slow in missing], [fast for fast, _ in missing])
    for (fast, slow), average in zip(missing, averages, strict=True):
        given = close, fast, slow
        memory.keep(key_of(_LINE, given, 1), given, average - indicators.ema(close, slow))


def exponential(values: Floats, begins: list[int], periods: list[int]) -> Floats:
    """(K, T) the exponential averages of these periods, each seeded from its bar `begin` on, NaN before it is known."""
    averages = np.full((len(periods), len(values)), np.nan)
    if not periods:
        return averages
    kernel().write_averages(values, np.array(begins, np.int64), np.array(periods, np.int64), averages)
    return averages


@cache
def is_exact() -> bool:
    """Whether the compiled averages are those of TA-Lib to the last bit on this processor."""
    values = 100.0 + np.random.default_rng(0).normal(size=500).cumsum()
    periods = list(range(2, 30))
    averages = exponential(values, [0] * len(periods), periods)
    return all(
        np.array_equal(average, indicators.ema(values, period), equal_nan=True)
        for period, average in zip(periods, averages, strict=True)
    )
