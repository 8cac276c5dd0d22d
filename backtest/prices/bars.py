"""Prices of one or several symbols on one calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backtest.arrays import Flags, Floats, Times
from backtest.errors import InvalidBars

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Bars:
    """Open, high, low, close and volume of M symbols over T bars, oldest first.

    Parameters
    ----------
    symbols : M names
    times : (T,) array of datetime64[s], UTC or exchange days, strictly increasing
    open, high, low, close, volume : (T, M) float64 arrays, price currency and shares
        Prices finite and > 0 with low <= open, close <= high; volume finite and >= 0, or NaN where unknown.
    timeframe : length of a bar, "1d" unless said otherwise

    Raises
    ------
    InvalidBars
        If any of the above does not hold; names symbol, date and field.
    """

    symbols: tuple[str, ...]
    times: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    timeframe: str = "1d"

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        return len(self.times)

    def cut(self, start: int, stop: int) -> Bars:
        """Bars `start` up to but not including `stop`, as views."""
        part = object.__new__(Bars)
        for name in ("symbols", "timeframe"):
            object.__setattr__(part, name, getattr(self, name))
        for name in ("times", *PRICES, "volume"):
            object.__setattr__(part, name, getattr(self, name)[start:stop])
        return part

    def of(self, column: int) -> Bars:
        """The bars of one symbol alone, shape (T, 1), contiguous."""
        part = object.__new__(Bars)
        object.__setattr__(part, "symbols", (self.symbols[column],))
        object.__setattr__(part, "times", self.times)
        object.__setattr__(part, "timeframe", self.timeframe)
        for name in (*PRICES, "volume"):
            values = np.ascontiguousarray(getattr(self, name)[:, column : column + 1])
            object.__setattr__(part, name, values)
        return part


def join(parts: list[Bars]) -> Bars:
    """Several single-symbol bars on their common calendar: the bars that every symbol has."""
    if len(parts) == 1:
        return parts[0]
    times = common_times([part.times for part in parts])
    rows = [np.searchsorted(part.times, times) for part in parts]
    columns = {
        name: np.column_stack([getattr(part, name)[row, 0] for part, row in zip(parts, rows, strict=True)])
        for name in (*PRICES, "volume")
    }
    symbols = tuple(part.symbols[0] for part in parts)
    return Bars(symbols=symbols, times=times, timeframe=parts[0].timeframe, **columns)


def common_times(calendars: Sequence[Times]) -> Times:
    """The times that every calendar holds; each is strictly increasing, and so is the result."""
    common = calendars[0]
    for times in calendars[1:]:
        common = _in_both(common, times)
    return common


def _in_both(one: Times, other: Times) -> Times:
    """Markets differ in when they begin, rarely in between: what is equal where both have bars is not searched."""
    if not len(one) or not len(other):
        return one[:0]
    first, last = max(one[0], other[0]), min(one[-1], other[-1])
    one, other = (
        times[np.searchsorted(times, first) : np.searchsorted(times, last, side="right")]
        for times in (one, other)
    )
    return one if np.array_equal(one, other) else np.intersect1d(one, other, assume_unique=True)


def _check(bars: Bars) -> None:
    count, width = len(bars.times), len(bars.symbols)
    if bars.times.ndim != 1 or bars.times.dtype != np.dtype("datetime64[s]"):
        raise InvalidBars(
            f"times must be a (T,) array of datetime64[s], got {bars.times.dtype}", field="times"
        )
    for name in (*PRICES, "volume"):
        values = getattr(bars, name)
        if values.shape != (count, width) or values.dtype != np.float64:
            shape = f"{values.dtype}{values.shape}"
            raise InvalidBars(f"must be float64 of shape ({count}, {width}), got {shape}", field=name)
    if count == 0:
        raise InvalidBars("there are no bars in the range", symbol=", ".join(bars.symbols))
    step = np.diff(bars.times.view(np.int64))
    if count > 1 and step.min() <= 0:
        row = int(np.argmax(step <= 0)) + 1
        raise InvalidBars(
            f"times must strictly increase, but follows {bars.times[row - 1]}",
            symbol=", ".join(bars.symbols), date=str(bars.times[row]), field="times",
        )  # fmt: skip
    _check_values(bars)


def _check_values(bars: Bars) -> None:
    for name in PRICES:
        values = getattr(bars, name)
        _refuse(bars, ~((values > 0) & (values < np.inf)), name, "must be a finite price above 0")
    _refuse(bars, (bars.volume < 0) | (bars.volume == np.inf), "volume", "must be finite and at least 0")
    highest = np.maximum(bars.open, bars.close)
    lowest = np.minimum(bars.open, bars.close)
    _refuse(bars, bars.high < highest, "high", "must not be below open or close")
    _refuse(bars, bars.low > lowest, "low", "must not be above open or close")


def _refuse(bars: Bars, wrong: Flags, field: str, rule: str) -> None:
    if not wrong.any():
        return
    row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    value = getattr(bars, field)[row, column]
    raise InvalidBars(
        f"{rule}, got {value:g}", symbol=bars.symbols[column], date=str(bars.times[row])[:10], field=field
    )
