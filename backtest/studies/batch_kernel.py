"""Many simulations side by side: what a sweep or a batch compiles around the engine's kernel.

It is only ever loaded by `backtest.jit`, with the compiled functions of the engine and of
`backtest.signals.cross_kernel` in place of the plain ones. A simulation's prices are one row of
(K, T * M) tables, its signals come from the crossing of two lines or from a row of targets; its statistics
are one row of the result. Each thread reuses one set of buffers, so memory does not grow with the number
of simulations. Settings, periods a year and the bars that close a period are those of each market.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numba import prange

from backtest import engine
from backtest.arrays import Flags, Floats, Ints
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
from backtest.signals.cross_kernel import crossovers, hold_average_cross, order_lines

Buffers = tuple[Floats, Floats, Floats, Floats, Floats]  # account, book, steps, fills, trades
Function = TypeVar("Function", bound=Callable[..., object])

run: Callable[..., None] = engine.run

(FINAL_EQUITY, TOTAL_RETURN, VOLATILITY, SHARPE_RATIO, MAX_DRAWDOWN, NUM_TRADES, IS_RUINED) = range(7)
COLUMNS = 7
WORTH, PEAK, TOTAL, SQUARES, FALL, CLOSED = range(6)
SUMS = 6


def parallel(function: Function) -> Function:
    """Mark a function that is compiled for all cores."""
    function.__dict__["parallel"] = True
    return function


def buffers_for(bars: int, width: int, most: int) -> Buffers:
    """Buffers for one simulation of at most `most` signals."""
    return (
        np.zeros(ACCOUNT_WIDTH),
        np.zeros(BOOK_WIDTH * width),
        np.empty(STEP_WIDTH * bars),
        np.empty(FILL_WIDTH * 3 * most),
        np.empty(TRADE_WIDTH * 2 * most),
    )


@parallel
def simulate_crossings(
    opens: Floats, highs: Floats, lows: Floats, closes: Floats, markets: Ints, lines: Floats, firsts: Ints,
    seconds: Ints, start: int, settings: Floats, capital: float, periods: Floats, ends: Flags, chunks: int,
) -> Floats:  # fmt: skip
    """Simulate the crossing of lines `firsts[k]` and `seconds[k]` on market `markets[k]` for each k."""
    simulations, bars = len(firsts), closes.shape[1]
    result = np.empty((simulations, COLUMNS))
    for chunk in prange(chunks):
        buffers = buffers_for(bars, 1, bars)
        signals, targets = np.empty(bars, dtype=np.int64), np.empty(bars)
        signs = np.zeros((lines.shape[1] + 7) // 8 * 8, dtype=np.int8)
        for index in range(chunk, simulations, chunks):
            order_lines(lines[firsts[index]], lines[seconds[index]], signs)
            count = crossovers(signs, lines.shape[1], start, signals, targets)
            market = markets[index]
            simulate(
                opens[market], highs[market], lows[market], closes[market], 1, signals[:count], targets[:count],
                settings[market], capital, periods[market], ends[market], buffers, result[index],
            )  # fmt: skip
    return result


@parallel
def simulate_sma_crosses(
    opens: Floats, highs: Floats, lows: Floats, closes: Floats, history: Floats, fast: int, slow: int, start: int,
    settings: Floats, capital: float, periods: Floats, ends: Flags, chunks: int,
) -> Floats:  # fmt: skip
    """Simulate the crossing of two simple averages of `history[k]`, whose bars from `start` on are traded."""
    simulations, bars = closes.shape
    result = np.empty((simulations, COLUMNS))
    for chunk in prange(chunks):
        buffers = buffers_for(bars, 1, bars)
        signals, targets = np.empty(bars, dtype=np.int64), np.empty(bars)
        held = np.empty(history.shape[1])
        for index in range(chunk, simulations, chunks):
            hold_average_cross(history[index], fast, slow, held)
            count = signals_in(held[start:], 1, signals, targets)
            simulate(
                opens[index], highs[index], lows[index], closes[index], 1, signals[:count], targets[:count],
                settings[index], capital, periods[index], ends[index], buffers, result[index],
            )  # fmt: skip
    return result


@parallel
def simulate_targets(
    opens: Floats, highs: Floats, lows: Floats, closes: Floats, markets: Ints, rows: Floats, width: int,
    settings: Floats, capital: float, periods: Floats, ends: Flags, chunks: int,
) -> Floats:  # fmt: skip
    """Simulate the targets in row k of `rows`, (K, T * M), on market `markets[k]` for each k."""
    simulations, size = rows.shape
    result = np.empty((simulations, COLUMNS))
    for chunk in prange(chunks):
        buffers = buffers_for(size // width, width, size)
        signals, targets = np.empty(size, dtype=np.int64), np.empty(size)
        for index in range(chunk, simulations, chunks):
            count = signals_in(rows[index], width, signals, targets)
            market = markets[index]
            simulate(
                opens[market], highs[market], lows[market], closes[market], width, signals[:count], targets[:count],
                settings[market], capital, periods[market], ends[market], buffers, result[index],
            )  # fmt: skip
    return result


def signals_in(row: Floats, width: int, signals: Ints, targets: Floats) -> int:
    """Write the signals of one row of targets, as `simulate.signals_of` finds them; return how many."""
    count = 0
    for index in range(len(row)):
        target = row[index]
        before = row[index - width] if index >= width else 0.0
        if target == target and target != before:
            signals[count] = index
            targets[count] = target
            count += 1
    return count


def simulate(
    opens: Floats, highs: Floats, lows: Floats, closes: Floats, width: int, signals: Ints, targets: Floats,
    settings: Floats, capital: float, periods: float, ends: Flags, buffers: Buffers, result: Floats,
) -> None:  # fmt: skip
    """Run the engine once, in buffers used before, and write the statistics."""
    account, book, steps, fills, trades = buffers
    account[:] = 0.0
    book[:] = 0.0
    account[CASH] = capital
    bars = len(closes) // width
    run(
        bars, width, opens, highs, lows, closes, signals, targets,
        settings, account, book, steps, fills, trades,
    )  # fmt: skip
    summarise(bars, width, closes, capital, periods, ends, buffers, result)


def summarise(
    bars: int, width: int, closes: Floats, capital: float, periods: float, ends: Flags, buffers: Buffers,
    result: Floats,
) -> None:  # fmt: skip
    """Write the statistics of the equity at each close, of returns between the bars of `ends`; empty is all.

    Where every bar ends a period, those without a position have no return and only the others are walked.
    """
    account, book, steps, fills, _ = buffers
    book[:width] = 0.0  # the engine is done with it; from here on it holds the shares
    sums = book[width : width + SUMS]
    sums[:] = 0.0
    sums[WORTH] = sums[PEAK] = sums[CLOSED] = capital
    count, made = int(account[STEPS]), 0
    for step in range(count):
        first = int(steps[step * STEP_WIDTH])
        after = int(steps[(step + 1) * STEP_WIDTH]) if step + 1 < count else bars
        while made < int(account[FILLS]) and int(fills[made * FILL_WIDTH]) == first:
            book[int(fills[made * FILL_WIDTH + 1])] = fills[made * FILL_WIDTH + 2]
            made += 1
        if len(ends) > 0:
            walk_periods(max(first, 1), after, width, steps[step * STEP_WIDTH + 1], book, closes, ends, sums)
        elif width == 1:
            after = after if book[0] != 0.0 else first + 1
            walk_one(max(first, 1), after, steps[step * STEP_WIDTH + 1], book[0], closes, sums)
        else:
            walk_all(max(first, 1), after, width, steps[step * STEP_WIDTH + 1], book, closes, sums)
    returns = bars - 1 if len(ends) == 0 else int(ends[1:].sum())
    conclude(returns, sums, capital, periods, account, result)


def walk_one(first: int, after: int, cash: float, shares: float, closes: Floats, sums: Floats) -> None:
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
    first: int, after: int, width: int, cash: float, shares: Floats, closes: Floats, sums: Floats
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


def walk_periods(
    first: int, after: int, width: int, cash: float, shares: Floats, closes: Floats, ends: Flags, sums: Floats
) -> None:
    """As `walk_all`, with a return at each bar that ends a period only."""
    for bar in range(first, after):
        now = cash
        for symbol in range(width):
            now += shares[symbol] * closes[bar * width + symbol]
        sums[WORTH] = now
        if ends[bar]:
            change = now / sums[CLOSED] - 1.0
            sums[TOTAL] += change
            sums[SQUARES] += change * change
            sums[CLOSED] = now
        if now > sums[PEAK]:
            sums[PEAK] = now
        sums[FALL] = min(sums[FALL], now / sums[PEAK] - 1.0)


def conclude(
    returns: int, sums: Floats, capital: float, periods: float, account: Floats, result: Floats
) -> None:
    """Write the statistics of the sums over the returns; NaN where one is undefined."""
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
