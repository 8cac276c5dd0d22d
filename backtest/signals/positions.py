"""Positions from events: the side held after each bar, given the bars of entries and exits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Indices, Sides
from backtest.signals import compiled, sweeping


def positions(enter_long: Flags, leave_long: Flags, enter_short: Flags, leave_short: Flags) -> Sides:
    """Hold each position from the bar it is entered until the bar it is left or reversed.

    An entry does not count at a bar at which its own side is also left, and neither entry counts
    where both are wanted at once. An entry of the other side reverses the position.

    Parameters
    ----------
    enter_long, leave_long, enter_short, leave_short : (T,) arrays of bool

    Returns
    -------
    (T,) array of 1, 0, -1; 0 before the first entry
    """
    if sweeping.is_on():
        held = np.empty(len(enter_long), np.int8)
        compiled.kernel().hold(enter_long, leave_long, enter_short, leave_short, held)
        return held
    go_long, go_short = enter_long & ~leave_long, enter_short & ~leave_short
    long, short = go_long & ~go_short, go_short & ~go_long
    entered = _last(long | short)
    known = entered >= 0
    state = np.where(known & long[entered], 1.0, np.where(known & short[entered], -1.0, 0.0))
    state[(state > 0) & (_last(leave_long) > entered)] = 0.0
    state[(state < 0) & (_last(leave_short) > entered)] = 0.0
    return state


def long_positions(enter: Flags, leave: Flags) -> Sides:
    """`positions` of a rule that is never short: (T,) array of 1 and 0."""
    if sweeping.is_on():
        held = np.empty(len(enter), np.int8)
        compiled.kernel().hold_long(enter, leave, held)
        return held
    return np.where(_last(enter & ~leave) > _last(leave), 1.0, 0.0)


def reversing(long: Flags, short: Flags) -> Sides:
    """Hold long from each bar of `long`, short from each bar of `short`; 0 before the first.

    A bar of both changes nothing.
    """
    if sweeping.is_on():
        held = np.empty(len(long), np.int8)
        compiled.kernel().reverse(long, short, held)
        return held
    sides = np.subtract(long.view(np.int8), short.view(np.int8))
    bars = np.flatnonzero(sides)
    return held_since(bars, sides[bars], len(sides))


def held_since(bars: NDArray[np.integer], sides: NDArray[np.generic], count: int) -> Floats:
    """Each of the sides from its bar until the next one, 0 before the first: (count,) array."""
    values = np.concatenate(([0.0], sides))
    return np.repeat(values, np.diff(np.concatenate(([0], bars, [count]))))


def _last(events: Flags) -> Indices:
    """At each bar the index of the latest event up to it, -1 where there was none."""
    return np.maximum.accumulate(np.where(events, np.arange(len(events)), -1))


def any_in_window(events: Flags, window: int) -> Flags:
    """True where at least one of the last `window` bars, this one included, is true."""
    if sweeping.is_on():
        found = np.empty(len(events), np.bool_)
        compiled.kernel().recent(events, window, found)
        return found
    latest = _last(events)
    return (latest >= 0) & (np.arange(len(events)) - latest < window)
