"""Positions and crossings bar by bar; compiled by `backtest.signals.compiled` for sweeps.

Each function writes what the function of the same meaning in `positions` or `crossings` returns.
"""

from __future__ import annotations

from backtest.arrays import Flags, Floats
from backtest.signals.cross_kernel import order


def hold(enter_long: Flags, leave_long: Flags, enter_short: Flags, leave_short: Flags, held: Floats) -> None:
    """Write the position of `positions.positions`."""
    side = 0.0
    for bar in range(len(held)):
        long = enter_long[bar] and not leave_long[bar]
        short = enter_short[bar] and not leave_short[bar]
        if long != short:
            side = 1.0 if long else -1.0
        elif (side > 0.0 and leave_long[bar]) or (side < 0.0 and leave_short[bar]):
            side = 0.0
        held[bar] = side


def reverse(long: Flags, short: Flags, held: Floats) -> None:
    """Write the position of `positions.reversing`."""
    side = 0.0
    for bar in range(len(held)):
        if long[bar] != short[bar]:
            side = 1.0 if long[bar] else -1.0
        held[bar] = side


def recent(events: Flags, window: int, found: Flags) -> None:
    """Write the flags of `positions.any_in_window`."""
    since = window
    for bar in range(len(found)):
        since = 0 if events[bar] else since + 1
        found[bar] = since < window


def hold_cross(first: Floats, second: Floats, held: Floats) -> None:
    """Write the side of `crossings.side_since_crossing`."""
    side, last = 0.0, 0
    for bar in range(len(held)):
        sign = order(first[bar], second[bar])
        if sign != 0 and sign != last:
            side = float(sign) if last != 0 else 0.0
            last = sign
        held[bar] = side


def mark_crosses(first: Floats, second: Floats, wanted: int, crossed: Flags) -> None:
    """Write the flags of `crossings.crosses`."""
    last = 0
    for bar in range(len(crossed)):
        sign = order(first[bar], second[bar])
        crossed[bar] = sign == wanted and last == -wanted
        if sign != 0:
            last = sign
