"""Positions and crossings in one pass; compiled by `backtest.signals.compiled` for sweeps.

Each function writes what the function of the same meaning in `positions` or `crossings` returns, a byte for each
bar. Bars are looked at eight at a time, as the bytes of one word, and no question is asked that the processor
could guess wrong: a position is carried from bar to bar as an addition carries from digit to digit.
"""

from __future__ import annotations

import numpy as np

from backtest.arrays import Flags, Floats, Ints, Signs
from backtest.signals.cross_kernel import order_lines

ONES = 0x0101010101010101
(BELOW, AT_OR_BELOW, ABOVE, AT_OR_ABOVE) = range(4)


def hold(enter_long: Flags, leave_long: Flags, enter_short: Flags, leave_short: Flags, held: Signs) -> None:
    """Write the position of `positions.positions`."""
    words = eights(held)
    longs, shorts = eights(enter_long), eights(enter_short)
    long_ends, short_ends = eights(leave_long), eights(leave_short)
    is_long = is_short = 0
    for word in range(len(words)):
        long, short = longs[word] & ~long_ends[word], shorts[word] & ~short_ends[word]
        words[word], is_long, is_short = eight_sides(
            long & ~short, short & ~long, long_ends[word], short_ends[word], is_long, is_short
        )
    side = is_long - is_short
    for bar in range(8 * len(words), len(held)):
        side = held_next(side, enter_long[bar], leave_long[bar], enter_short[bar], leave_short[bar])
        held[bar] = side


def hold_long(enter: Flags, leave: Flags, held: Signs) -> None:
    """Write the position of `positions.long_positions`."""
    words, entries, ends = eights(held), eights(enter), eights(leave)
    is_long = 0
    for word in range(len(words)):
        words[word], is_long = carried(entries[word] & ~ends[word], ends[word], is_long)
    for bar in range(8 * len(words), len(held)):
        is_long = 0 if leave[bar] else 1 if enter[bar] else is_long
        held[bar] = is_long


def held_next(side: int, enter_long: bool, leave_long: bool, enter_short: bool, leave_short: bool) -> int:
    """The side held after one bar."""
    long, short = enter_long and not leave_long, enter_short and not leave_short
    if long != short:
        return 1 if long else -1
    return 0 if (side > 0 and leave_long) or (side < 0 and leave_short) else side


def reverse(long: Flags, short: Flags, held: Signs) -> None:
    """Write the position of `positions.reversing`."""
    words, longs, shorts = eights(held), eights(long), eights(short)
    is_long = is_short = 0
    for word in range(len(words)):
        words[word], is_long, is_short = eight_sides(
            longs[word] & ~shorts[word], shorts[word] & ~longs[word], 0, 0, is_long, is_short
        )
    side = is_long - is_short
    for bar in range(8 * len(words), len(held)):
        if long[bar] != short[bar]:
            side = 1 if long[bar] else -1
        held[bar] = side


def eight_sides(
    long: int, short: int, long_ends: int, short_ends: int, is_long: int, is_short: int
) -> tuple[int, int, int]:
    """The sides held on eight bars, given those before them, and whether long and short on the last.

    `long` and `short` are the bars that enter, never both; an entry of the other side ends a position too.
    """
    longs, is_long = carried(long, short | long_ends, is_long)
    shorts, is_short = carried(short, long | short_ends, is_short)
    return longs | filled(shorts), is_long, is_short


def carried(begins: int, ends: int, before: int) -> tuple[int, int]:
    """On which of eight bars holds what begins and ends on some of them, and whether on the last.

    A byte that is full passes a carry on, and makes one where 1 is added; an empty one stops it.
    """
    full = filled((begins | ~ends) & ONES)
    total = full + begins + before
    last = (((full & begins) | ((full | begins) & ~total)) >> 63) & 1
    into = (full ^ begins ^ total) & ONES
    return ((into >> 8) & (ONES >> 8)) | (last << 56), last


def filled(ones: int) -> int:
    """All bits of each byte that is 1."""
    return (ones << 8) - ones


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


def hold_cross(first: Floats, second: Floats, held: Signs) -> None:
    """Write the side of `crossings.side_since_crossing`."""
    hold_order(first, second, held)
    bar, other = 0, 2  # no order is the other one of a line that has had none
    while bar < len(held) and held[bar] != other:
        other = -held[bar] if held[bar] != 0 else other
        held[bar] = 0
        bar += 1


def mark_crosses(first: Floats, second: Floats, wanted: int, crossed: Flags) -> None:
    """Write the flags of `crossings.crosses`."""
    held = np.empty(len(crossed), np.int8)
    hold_order(first, second, held)
    crossed[0] = False
    for bar in range(1, len(crossed)):
        crossed[bar] = held[bar] == wanted and held[bar - 1] == -wanted


def hold_order(first: Floats, second: Floats, held: Signs) -> None:
    """Write the last strict order of two lines, 0 before the first."""
    order_lines(first, second, held)
    words = eights(held)
    is_above = is_below = 0
    for word in range(len(words)):
        below = (words[word] >> 7) & ONES
        above = words[word] & ~below & ONES
        words[word], is_above, is_below = eight_sides(above, below, 0, 0, is_above, is_below)
    side = is_above - is_below
    for bar in range(8 * len(words), len(held)):
        side = held[bar] if held[bar] != 0 else side
        held[bar] = side


def outside(
    values: Floats, upper: Floats, lower: Floats, width: Floats, multiple: float, above: Flags, below: Flags
) -> None:
    """Write the flags of `bands.outside`."""
    for bar in range(len(values)):
        distance = multiple * width[bar]
        above[bar] = values[bar] > upper[bar] + distance
        below[bar] = values[bar] < lower[bar] - distance


def compare(first: Floats, line: Floats, number: float, is_product: bool, sign: int, found: Flags) -> None:
    """Write whether each value is below, … at or above a line moved by a number, which is unknown where it is infinite.

    Parameters
    ----------
    first, line : (T,) arrays
    is_product : whether the line is multiplied by the number; else it is added
    sign : `BELOW`, `AT_OR_BELOW`, `ABOVE` or `AT_OR_ABOVE`
    """
    for bar in range(len(found)):
        moved = line[bar] * number if is_product else line[bar] + number
        if sign == BELOW:
            holds = first[bar] < moved
        elif sign == AT_OR_BELOW:
            holds = first[bar] <= moved
        elif sign == ABOVE:
            holds = first[bar] > moved
        else:
            holds = first[bar] >= moved
        found[bar] = holds & (abs(moved) < np.inf)


def eights(values: Flags | Signs) -> Ints:
    """The values, a byte each, as words of eight; what is left over at the end is in none."""
    words: Ints = values[: len(values) // 8 * 8].view(np.int64)
    return words
