"""Many simulations side by side: what a sweep or a batch compiles around the engine's kernel.

Only `backtest.gears` loads this module, as a compiled copy in which `run` is the compiled kernel. A
lane is one simulation: its prices are one row of (K, T * M) tables, its signals come from a crossing
of two lines or from a row of targets; its statistics are one row of the result. Each thread works in
a room of its own, so memory does not grow with the number of lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numba import prange
from numpy.typing import NDArray

from backtest import engine
from backtest.engine import (
    ACCOUNT_WIDTH,
    BOOK_WIDTH,
    CASH,
    FILL_WIDTH,
    FILLS,
    RUINED,
    STEP_WIDTH,
    STEPS,
    TRADE_WIDTH,
    TRADES,
)

Table = NDArray[np.float64]
Signs = NDArray[np.int8]
Indices = NDArray[np.int64]
Room = tuple[Table, Table, Table, Table, Table]  # account, book, steps, fills, trades
Function = TypeVar("Function", bound=Callable[..., object])

run: Callable[..., None] = engine.run  # in the compiled copy the compiled one

TIE = 1e-11  # as in backtest.signals.crossings
ALL_ABOVE, ALL_BELOW = 0x0101010101010101, -1  # eight signs at once

(FINAL_EQUITY, TOTAL_RETURN, VOLATILITY, SHARPE_RATIO, MAX_DRAWDOWN, NUM_TRADES, IS_RUINED) = range(7)
COLUMNS = 7
WORTH, PEAK, TOTAL, SQUARES, FALL = range(5)
SUMS = 5


def parallel(function: Function) -> Function:
    """Mark a function that is compiled for all cores."""
    function.__dict__["parallel"] = True
    return function


def room_for(bars: int, width: int, most: int) -> Room:
    """Tables that one simulation of at most `most` signals fits in."""
    return (
        np.zeros(ACCOUNT_WIDTH),
        np.zeros(BOOK_WIDTH * width),
        np.empty(STEP_WIDTH * bars),
        np.empty(FILL_WIDTH * 3 * most),
        np.empty(TRADE_WIDTH * 2 * most),
    )


@parallel
def cross_lanes(
    opens: Table, highs: Table, lows: Table, closes: Table, markets: Indices, lines: Table, firsts: Indices,
    seconds: Indices, start: int, settings: Table, capital: float, periods: float, chunks: int,
) -> Table:  # fmt: skip
    """Simulate the crossing of lines `firsts[k]` and `seconds[k]` on market `markets[k]` for each k."""
    lanes, bars = len(firsts), closes.shape[1]
    result = np.empty((lanes, COLUMNS))
    for chunk in prange(chunks):
        room = room_for(bars, 1, bars)
        signals, targets = np.empty(bars, dtype=np.int64), np.empty(bars)
        signs = np.zeros((lines.shape[1] + 7) // 8 * 8, dtype=np.int8)
        for lane in range(chunk, lanes, chunks):
            order(lines[firsts[lane]], lines[seconds[lane]], signs)
            count = turns(signs, lines.shape[1], start, signals, targets)
            row = markets[lane]
            simulate(
                opens[row], highs[row], lows[row], closes[row], 1, signals[:count], targets[:count],
                settings, capital, periods, room, result[lane],
            )  # fmt: skip
    return result


@parallel
def average_lanes(
    opens: Table, highs: Table, lows: Table, closes: Table, history: Table, fast: int, slow: int, start: int,
    settings: Table, capital: float, periods: float, chunks: int,
) -> Table:  # fmt: skip
    """Simulate the crossing of two simple averages of `history[k]`, whose bars from `start` on are traded."""
    lanes, bars = closes.shape
    result = np.empty((lanes, COLUMNS))
    for chunk in prange(chunks):
        room = room_for(bars, 1, bars)
        signals, targets = np.empty(bars, dtype=np.int64), np.empty(bars)
        signs = np.zeros((history.shape[1] + 7) // 8 * 8, dtype=np.int8)
        first, second = np.empty(history.shape[1]), np.empty(history.shape[1])
        for lane in range(chunk, lanes, chunks):
            average(history[lane], fast, first)
            average(history[lane], slow, second)
            order(first, second, signs)
            count = turns(signs, history.shape[1], start, signals, targets)
            simulate(
                opens[lane], highs[lane], lows[lane], closes[lane], 1, signals[:count], targets[:count],
                settings, capital, periods, room, result[lane],
            )  # fmt: skip
    return result


@parallel
def target_lanes(
    opens: Table, highs: Table, lows: Table, closes: Table, markets: Indices, wishes: Table, width: int,
    settings: Table, capital: float, periods: float, chunks: int,
) -> Table:  # fmt: skip
    """Simulate row k of `wishes`, (K, T * M), on market `markets[k]` for each k."""
    lanes, size = wishes.shape
    result = np.empty((lanes, COLUMNS))
    for chunk in prange(chunks):
        room = room_for(size // width, width, size)
        signals, targets = np.empty(size, dtype=np.int64), np.empty(size)
        for lane in range(chunk, lanes, chunks):
            count = stated(wishes[lane], width, signals, targets)
            row = markets[lane]
            simulate(
                opens[row], highs[row], lows[row], closes[row], width, signals[:count], targets[:count],
                settings, capital, periods, room, result[lane],
            )  # fmt: skip
    return result


def average(values: Table, period: int, line: Table) -> None:
    """The simple average in the order of summation of `backtest.indicators.sma`, equal to the last bit."""
    line[: period - 1] = np.nan
    total = 0.0
    for bar in range(min(period - 1, len(values))):
        total += values[bar]
    for bar in range(period - 1, len(values)):
        total += values[bar]
        line[bar] = total / period
        total -= values[bar - period + 1]


def order(first: Table, second: Table, signs: Signs) -> None:
    """Tell at each bar which line is higher, as `backtest.signals.crossings.ordering` does."""
    for bar in range(len(first)):
        gap = first[bar] - second[bar]
        tolerance = abs(second[bar]) * TIE
        signs[bar] = np.int8(gap > tolerance) - np.int8(gap < -tolerance)


def turns(signs: Signs, bars: int, start: int, signals: Indices, targets: Table) -> int:
    """Write the signals of the side since the last crossing, from bar `start` on; return how many."""
    words = signs.view(np.int64)
    count = 0
    last = 0
    side = 0
    bar = 0
    while bar < bars:
        if bar % 8 == 0 and (
            (last > 0 and words[bar // 8] == ALL_ABOVE) or (last < 0 and words[bar // 8] == ALL_BELOW)
        ):
            bar += 8
            continue
        sign = signs[bar]
        if sign != 0 and sign != last:
            if last != 0:
                side = sign
                count = 1 if bar <= start else count + 1
                signals[count - 1] = max(bar - start, 0)
                targets[count - 1] = side
            last = sign
        bar += 1
    return count


def stated(wishes: Table, width: int, signals: Indices, targets: Table) -> int:
    """Write the signals of one row of wishes, as `backtest.simulation.simulate.signals_of` does; return how many."""
    count = 0
    for index in range(len(wishes)):
        wish = wishes[index]
        before = wishes[index - width] if index >= width else 0.0
        if wish == wish and wish != before:
            signals[count] = index
            targets[count] = wish
            count += 1
    return count


def simulate(
    opens: Table, highs: Table, lows: Table, closes: Table, width: int, signals: Indices, targets: Table,
    settings: Table, capital: float, periods: float, room: Room, result: Table,
) -> None:  # fmt: skip
    """Run the kernel once, in a room used before, and write the statistics."""
    account, book, steps, fills, trades = room
    account[:] = 0.0
    book[:] = 0.0
    account[CASH] = capital
    bars = len(closes) // width
    run(
        bars,
        width,
        opens,
        highs,
        lows,
        closes,
        signals,
        targets,
        settings,
        account,
        book,
        steps,
        fills,
        trades,
    )
    summarise(bars, width, closes, capital, periods, room, result)


def summarise(
    bars: int, width: int, closes: Table, capital: float, periods: float, room: Room, result: Table
) -> None:
    """Write the statistics of the equity at each close.

    Bars without a position have no return, so only those with one are walked.
    """
    account, book, steps, fills, _ = room
    book[:width] = 0.0  # the kernel is done with it; from here on the shares held
    sums = book[width : width + SUMS]
    sums[:] = 0.0
    sums[WORTH] = sums[PEAK] = capital
    count, made = int(account[STEPS]), 0
    for step in range(count):
        first = int(steps[step * STEP_WIDTH])
        after = int(steps[(step + 1) * STEP_WIDTH]) if step + 1 < count else bars
        while made < int(account[FILLS]) and int(fills[made * FILL_WIDTH]) == first:
            book[int(fills[made * FILL_WIDTH + 1])] = fills[made * FILL_WIDTH + 2]
            made += 1
        if width == 1:
            after = after if book[0] != 0.0 else first + 1
            walk_one(max(first, 1), after, steps[step * STEP_WIDTH + 1], book[0], closes, sums)
        else:
            walk_all(max(first, 1), after, width, steps[step * STEP_WIDTH + 1], book, closes, sums)
    conclude(bars, sums, capital, periods, account, result)


def walk_one(first: int, after: int, cash: float, shares: float, closes: Table, sums: Table) -> None:
    """Add the returns of these bars, on which cash and shares stand still, to the sums."""
    worth, peak, total, squares, fall = sums[0], sums[1], sums[2], sums[3], sums[4]
    floor = peak * (1.0 + fall)
    for bar in range(first, after):
        now = cash + shares * closes[bar]
        change = now / worth - 1.0
        total += change
        squares += change * change
        worth = now
        if now > peak:
            peak = now
            floor = peak * (1.0 + fall)
        elif now < floor:
            fall = now / peak - 1.0
            floor = now
    sums[0], sums[1], sums[2], sums[3], sums[4] = worth, peak, total, squares, fall


def walk_all(
    first: int, after: int, width: int, cash: float, shares: Table, closes: Table, sums: Table
) -> None:
    """As `walk_one`, for several symbols."""
    for bar in range(first, after):
        now = cash
        for symbol in range(width):
            now += shares[symbol] * closes[bar * width + symbol]
        change = now / sums[WORTH] - 1.0
        sums[WORTH] = now
        sums[TOTAL] += change
        sums[SQUARES] += change * change
        if now > sums[PEAK]:
            sums[PEAK] = now
        sums[FALL] = min(sums[FALL], now / sums[PEAK] - 1.0)


def conclude(bars: int, sums: Table, capital: float, periods: float, account: Table, result: Table) -> None:
    """Write the statistics of the sums over the returns; NaN where one is undefined."""
    returns = bars - 1
    mean = sums[TOTAL] / returns if returns > 0 else np.nan
    variance = (sums[SQUARES] - returns * mean * mean) / (returns - 1) if returns > 1 else np.nan
    if variance < 0.0:
        variance = 0.0
    result[FINAL_EQUITY] = sums[WORTH]
    result[TOTAL_RETURN] = sums[WORTH] / capital - 1.0
    result[VOLATILITY] = np.sqrt(variance * periods)
    result[SHARPE_RATIO] = mean / np.sqrt(variance) * np.sqrt(periods) if variance > 0.0 else np.nan
    result[MAX_DRAWDOWN] = sums[FALL]
    result[NUM_TRADES] = account[TRADES]
    result[IS_RUINED] = account[RUINED]
