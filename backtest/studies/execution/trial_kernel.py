"""Simulations of many targets on the same bars, one after the other: what a study compiles around the engine.

It is only ever loaded by `backtest.jit`, with the compiled engine in place of the plain one. Of each
simulation it writes the returns and what needs no sum over them; the sums are NumPy's, in the order in which
the metrics of a run add, so that every figure is that of the ordinary run to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backtest import engine
from backtest.arrays import Flags, Floats, Indices, Ints, Sides
from backtest.engine import (
    ACCOUNT_WIDTH,
    BOOK_WIDTH,
    CASH,
    FILL_WIDTH,
    FILLS,
    HIGHEST,
    LOWEST,
    RUINED,
    STEP_WIDTH,
    STEPS,
    TRADE_WIDTH,
    TRADES,
)
from backtest.signals.position_kernel import eights
from backtest.studies.execution import single_kernel

run: Callable[..., None] = engine.run
walk_single: Callable[..., tuple[int, bool]] = single_kernel.walk_single

(FINAL_EQUITY, MAX_DRAWDOWN, NUM_TRADES, IS_RUINED, IS_DEFINED) = range(5)
FACTS = 5
SIXTEEN = 16
WRONG = -1
"""What `simulate_rows` returns where every target lies within -1…1."""


def simulate_rows(
    start: int, stop: int, width: int, opens: Floats, highs: Floats, lows: Floats, closes: Floats,
    targets: Sides, which: Ints, settings: Floats, capital: float, closing: Indices, equity: Floats,
    returns: Floats, facts: Floats,
) -> int:  # fmt: skip
    """Simulate bars `start` to `stop` for row `which[k]` of `targets` and settings k; return a wrong target's place.

    Parameters
    ----------
    opens, highs, lows, closes : (T * M,) of all bars
    targets : (D, T * M); `which` : (K,); `settings` : (K, S)
    closing : bars, counted from `start`, that end a period, the first included; empty where every bar does
    equity : (stop - start,) room for one curve
    returns : (K, periods) and facts : (K, FACTS), written
    """
    bars = stop - start
    first, last, size = start * width, stop * width, bars * width
    signals, wishes, changed = np.empty(size + 1, np.int64), np.empty(size + 1), np.empty(size, np.bool_)
    account, book = np.zeros(ACCOUNT_WIDTH), np.zeros(BOOK_WIDTH * width)
    steps, fills = np.empty(STEP_WIDTH * bars), np.empty(FILL_WIDTH * 3 * size)
    trades, shares = np.empty(TRADE_WIDTH * 2 * size), np.empty(width)
    for index in range(len(which)):
        row = targets[which[index]]
        longs, shorts = settings[index, HIGHEST] > 0.0, settings[index, LOWEST] < 0.0
        count = signals_in(row[first:last], width, longs, shorts, changed, signals, wishes)
        if count < 0:
            return int(which[index]) * len(row) + first - 1 - count
        fact = facts[index]
        if width == 1:
            done, ruined = walk_single(
                bars, opens[first:last], highs[first:last], lows[first:last], closes[first:last], signals, wishes,
                count, settings[index], capital, equity,
            )  # fmt: skip
            fact[NUM_TRADES], fact[IS_RUINED] = done, 1.0 if ruined else 0.0
            conclude(equity, closing, returns[index], fact)
            continue
        account[:] = 0.0
        book[:] = 0.0
        account[CASH] = capital
        run(
            bars, width, opens[first:last], highs[first:last], lows[first:last], closes[first:last],
            signals[:count], wishes[:count], settings[index], account, book, steps, fills, trades,
        )  # fmt: skip
        mark(bars, width, closes[first:last], capital, account, steps, fills, shares, equity)
        fact[NUM_TRADES] = account[TRADES]
        fact[IS_RUINED] = account[RUINED]
        conclude(equity, closing, returns[index], fact)
    return WRONG


def conclude(equity: Floats, closing: Indices, returns: Floats, fact: Floats) -> None:
    """Write the returns of an equity, and what needs no sum over them."""
    fact[FINAL_EQUITY] = equity[len(equity) - 1]
    fact[MAX_DRAWDOWN] = deepest(equity)
    fact[IS_DEFINED] = changes(equity, closing, returns)


def signals_in(
    row: Sides, width: int, longs: bool, shorts: bool, changed: Flags, signals: Ints, wishes: Floats
) -> int:
    """Write the signals of one row of targets, as `simulate.signals_of` finds them; return how many.

    Left out is what asks to be flat where that was asked for before, as short and flat are one where only `longs` are
    held: no order comes of it. A target outside -1…1 at place p of the row returns -1 - p instead. `changed` is room
    for a flag of each target; `signals` and `wishes` have room for one signal more than there are targets. Eight
    targets that repeat the bar before are passed over; among others, each is written and kept or written over, which
    asks no question.
    """
    if width == 1:  # a distance that the compiler knows: it compares many bars at once
        mark_changes(row, 1, longs, shorts, changed)
    else:
        mark_changes(row, width, longs, shorts, changed)
    words = eights(changed)
    count = 0
    for word in range(len(words)):
        if words[word] != 0:
            for index in range(8 * word, 8 * word + 8):
                signals[count], wishes[count] = index, row[index]
                count += 1 if changed[index] else 0
    for index in range(8 * len(words), len(row)):
        signals[count], wishes[count] = index, row[index]
        count += 1 if changed[index] else 0
    for signal in range(count):
        if wishes[signal] > 1.0 or wishes[signal] < -1.0:
            return -1 - int(signals[signal])
    return count


def mark_changes(row: Sides, width: int, longs: bool, shorts: bool, changed: Flags) -> None:
    """Flag each target that is known and asks for something else than that of the bar before; before the first it is 0."""
    for index in range(width):
        changed[index] = is_changed(row[index], 0.0, longs, shorts)
    for index in range(width, len(row)):
        changed[index] = is_changed(row[index], row[index - width], longs, shorts)


def is_changed(now: float, before: float, longs: bool, shorts: bool) -> bool:
    """Whether a target differs; of two that are both flat where only one side is held, only one out of bounds."""
    flat = (not shorts and now <= 0 and before <= 0) or (not longs and now >= 0 and before >= 0)
    return now != before and now == now and (not flat or now > 1 or now < -1)


def mark(
    bars: int, width: int, closes: Floats, capital: float, account: Floats, steps: Floats, fills: Floats,
    shares: Floats, equity: Floats,
) -> None:  # fmt: skip
    """Write the equity at each close, added in the order of `simulate`; the first is the capital."""
    shares[:] = 0.0
    count, made = int(account[STEPS]), 0
    before = int(steps[0]) if count > 0 else bars
    equity[:before] = capital
    for step in range(count):
        first, cash = int(steps[step * STEP_WIDTH]), steps[step * STEP_WIDTH + 1]
        after = int(steps[(step + 1) * STEP_WIDTH]) if step + 1 < count else bars
        while made < int(account[FILLS]) and int(fills[made * FILL_WIDTH]) == first:
            shares[int(fills[made * FILL_WIDTH + 1])] = fills[made * FILL_WIDTH + 2]
            made += 1
        mark_all(first, after, width, cash, shares, closes, equity)
    equity[0] = capital


def mark_all(
    first: int, after: int, width: int, cash: float, shares: Floats, closes: Floats, equity: Floats
) -> None:
    """Write the equity of bars on which cash and shares stand still, of several symbols."""
    for bar in range(first, after):
        worth = shares[0] * closes[bar * width] + cash
        for symbol in range(1, width):
            worth += shares[symbol] * closes[bar * width + symbol]
        equity[bar] = worth


def deepest(equity: Floats) -> float:
    """The lowest E / peak - 1: of all closes below one peak the lowest has the lowest quotient.

    Sixteen closes none of which is a new peak are passed over together.
    """
    peak = lowest = equity[0]
    fall = 0.0
    together = len(equity) // SIXTEEN * SIXTEEN
    for first in range(0, together, SIXTEEN):
        top = low = equity[first]  # not those before: sixteen closes need not wait for them
        for bar in range(first + 1, first + SIXTEEN):
            now = equity[bar]
            top = now if now > top else top
            low = now if now < low else low
        if top <= peak:
            lowest = low if low < lowest else lowest
        else:
            peak, lowest, fall = fallen(equity, first, first + SIXTEEN, peak, lowest, fall)
    peak, lowest, fall = fallen(equity, together, len(equity), peak, lowest, fall)
    return float(min(fall, lowest / peak - 1.0))


def fallen(
    equity: Floats, first: int, after: int, peak: float, lowest: float, fall: float
) -> tuple[float, float, float]:
    """Peak, the lowest close since, and the deepest fall below an earlier peak, each after some bars more."""
    for bar in range(first, after):
        now = equity[bar]
        if now > peak:
            fall = min(fall, lowest / peak - 1.0)
            peak = lowest = now
        elif now < lowest:
            lowest = now
    return peak, lowest, fall


def changes(equity: Floats, closing: Indices, returns: Floats) -> float:
    """Write E_t / E_(t-1) - 1 of each period; 1.0 where all are defined, 0.0 where equity fell to zero before."""
    if len(closing) == 0:
        for period in range(len(returns)):
            returns[period] = equity[period + 1] / equity[period] - 1.0
        solvent = 0  # a count of whole numbers, since these may be added in any order
        for bar in range(len(returns)):
            solvent += 1 if equity[bar] > 0.0 else 0
        return 1.0 if solvent == len(returns) else 0.0
    defined = 1.0
    for period in range(len(returns)):
        worth = equity[closing[period]]
        returns[period] = equity[closing[period + 1]] / worth - 1.0
        if not worth > 0.0:
            defined = 0.0
    return defined


def block_sums(returns: Floats, blocks: int, sums: Floats, squares: Floats) -> None:
    """Write the sums of each row's returns and squared returns in blocks; what does not divide is left off the start.

    Four partial sums each, added in one order on any machine. Places are unsigned: of a signed one each access would
    ask whether it counts from the end.
    """
    size = returns.shape[1] // blocks
    first = returns.shape[1] - size * blocks
    for index in range(len(returns)):
        row = returns[index]
        for block in range(blocks):
            begin = first + block * size
            a = b = c = d = 0.0
            aa = bb = cc = dd = 0.0
            for place in range(begin, begin + size // 4 * 4, 4):
                begins = np.uint64(place)
                w, x = row[begins], row[begins + np.uint64(1)]
                y, z = row[begins + np.uint64(2)], row[begins + np.uint64(3)]
                a, b, c, d = a + w, b + x, c + y, d + z
                aa, bb, cc, dd = aa + w * w, bb + x * x, cc + y * y, dd + z * z
            for place in range(begin + size // 4 * 4, begin + size):
                a += row[place]
                aa += row[place] * row[place]
            sums[index, block] = (a + b) + (c + d)
            squares[index, block] = (aa + bb) + (cc + dd)


def squared_deviations(returns: Floats, means: Floats, sums: Floats) -> None:
    """Write Σ (r - mean)² of each row in the order in which NumPy's einsum adds, which is that of `account.dot`.

    Two partial sums, of even and of odd places; of eight neighbours the last two are added first.
    """
    together = returns.shape[1] // 8 * 8
    for index in range(len(returns)):
        row, mean = returns[index], means[index]
        even = odd = 0.0
        for first in range(0, together, 8):
            for place in (first + 6, first + 4, first + 2, first):
                even += (row[place] - mean) * (row[place] - mean)
                odd += (row[place + 1] - mean) * (row[place + 1] - mean)
        for place in range(together, len(row) - 1, 2):
            even += (row[place] - mean) * (row[place] - mean)
            odd += (row[place + 1] - mean) * (row[place + 1] - mean)
        if len(row) % 2 == 1:
            even += (row[len(row) - 1] - mean) * (row[len(row) - 1] - mean)
        sums[index] = even + odd
