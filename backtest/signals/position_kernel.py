"""Positions and crossings in one pass; compiled by `backtest.signals.compiled` for sweeps.

Each function writes what the function of the same meaning in `positions` or `crossings` returns. Flags are
looked at eight at a time, as one word, and the next one that changes anything is found without asking each bar.
"""

from __future__ import annotations

import numpy as np

from backtest.arrays import Flags, Floats, Ints, Signs
from backtest.signals.cross_kernel import order_lines

ONES = 0x0101010101010101
PLACES = 0x0001020304050607


def hold(enter_long: Flags, leave_long: Flags, enter_short: Flags, leave_short: Flags, held: Floats) -> None:
    """Write the position of `positions.positions`."""
    longs, shorts = eights(enter_long), eights(enter_short)
    long_ends, short_ends = eights(leave_long), eights(leave_short)
    side, begin, bar = 0.0, 0, 0
    for word in range(len(longs)):
        both = longs[word] & ~long_ends[word], shorts[word] & ~short_ends[word]
        long, short = both[0] & ~both[1], both[1] & ~both[0]
        bar = 8 * word
        while bar < 8 * word + 8:
            event = short | long_ends[word] if side > 0.0 else long | short_ends[word]
            event = first_from(event if side != 0.0 else long | short, bar)
            if event == 0:
                break
            bar = 8 * word + place_of(event)
            held[begin:bar] = side
            side = 1.0 if long & event != 0 else -1.0 if short & event != 0 else 0.0
            begin = bar
            bar += 1
    for bar in range(8 * len(longs), len(held)):
        now = held_next(side, enter_long[bar], leave_long[bar], enter_short[bar], leave_short[bar])
        if now != side:
            held[begin:bar] = side
            side, begin = now, bar
    held[begin:] = side


def held_next(side: float, enter_long: bool, leave_long: bool, enter_short: bool, leave_short: bool) -> float:
    """The side held after one bar."""
    long, short = enter_long and not leave_long, enter_short and not leave_short
    if long != short:
        return 1.0 if long else -1.0
    return 0.0 if (side > 0.0 and leave_long) or (side < 0.0 and leave_short) else side


def reverse(long: Flags, short: Flags, held: Floats) -> None:
    """Write the position of `positions.reversing`."""
    longs, shorts = eights(long), eights(short)
    side, begin, bar = 0.0, 0, 0
    for word in range(len(longs)):
        go_long, go_short = longs[word] & ~shorts[word], shorts[word] & ~longs[word]
        bar = 8 * word
        while bar < 8 * word + 8:
            event = go_short if side > 0.0 else go_long
            event = first_from(event if side != 0.0 else go_long | go_short, bar)
            if event == 0:
                break
            bar = 8 * word + place_of(event)
            held[begin:bar] = side
            side, begin = 1.0 if go_long & event != 0 else -1.0, bar
            bar += 1
    for bar in range(8 * len(longs), len(held)):
        now = side if long[bar] == short[bar] else 1.0 if long[bar] else -1.0
        if now != side:
            held[begin:bar] = side
            side, begin = now, bar
    held[begin:] = side


def recent(events: Flags, window: int, found: Flags) -> None:
    """Write the flags of `positions.any_in_window`."""
    words = eights(events)
    found[:] = False
    until, bar = 0, 0
    while bar < len(found):
        if bar % 8 == 0 and bar // 8 < len(words) and words[bar // 8] == 0:
            bar += 8
            continue
        if events[bar]:
            stop = min(bar + window, len(found))
            found[max(bar, until) : stop] = True
            until = stop
        bar += 1


def hold_cross(first: Floats, second: Floats, held: Floats) -> None:
    """Write the side of `crossings.side_since_crossing`."""
    signs = np.empty(len(held), np.int8)
    order_lines(first, second, signs)
    words = eights(signs)
    side, begin, last = 0.0, 0, 0
    bar = next_order(signs, words, last, 0)
    while bar < len(held):
        if last != 0:
            held[begin:bar] = side
            side, begin = float(signs[bar]), bar
        last = signs[bar]
        bar = next_order(signs, words, last, bar + 1)
    held[begin:] = side


def mark_crosses(first: Floats, second: Floats, wanted: int, crossed: Flags) -> None:
    """Write the flags of `crossings.crosses`."""
    signs = np.empty(len(crossed), np.int8)
    order_lines(first, second, signs)
    words = eights(signs)
    crossed[:] = False
    last = 0
    bar = next_order(signs, words, last, 0)
    while bar < len(crossed):
        crossed[bar] = signs[bar] == wanted and last != 0
        last = signs[bar]
        bar = next_order(signs, words, last, bar + 1)


def next_order(signs: Signs, words: Ints, last: int, bar: int) -> int:
    """The first bar from `bar` on whose order is strict and not the last one; the number of bars where there is none."""
    while bar < 8 * len(words):
        word = words[bar // 8]
        below = (word >> 7) & ONES
        above = word & ~below & ONES
        event = below if last > 0 else above
        event = first_from(event if last != 0 else above | below, bar)
        if event != 0:
            return bar // 8 * 8 + place_of(event)
        bar = bar // 8 * 8 + 8
    while bar < len(signs) and (signs[bar] == 0 or signs[bar] == last):
        bar += 1
    return bar


def eights(values: Flags | Signs) -> Ints:
    """The values, a byte each, as words of eight; what is left over at the end is in none."""
    words: Ints = values[: len(values) // 8 * 8].view(np.int64)
    return words


def first_from(events: int, bar: int) -> int:
    """The first of eight flags from the place of a bar on, alone in its word; 0 where there is none."""
    rest = events & (-1 << 8 * (bar % 8))
    return rest & -rest


def place_of(flag: int) -> int:
    """The place of the only flag of a word."""
    return ((flag * PLACES) >> 56) & 7
