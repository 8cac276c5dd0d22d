"""The engine's account of one symbol without its lists: what a study walks where a trial holds a single symbol.

It decides and computes as `backtest.engine`, whose sizing and fees it calls, in the same order, and keeps in
variables what the engine keeps in tables: equity, number of trades and ruin are those of the engine to the last
bit, which tests compare over random markets, targets and settings. Only ever compiled.
"""

from __future__ import annotations

from collections.abc import Callable

from backtest import engine
from backtest.arrays import Floats, Ints
from backtest.engine import (
    AT_CLOSE,
    BORROW_PER_BAR,
    DUST,
    FAR_ABOVE,
    FRACTIONAL,
    HIGHEST,
    LOWEST,
    PERCENT,
    SHARES,
    SIZE,
    SIZE_KIND,
    SLIPPAGE,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING,
)

FOUR = 4
affordable: Callable[..., float] = engine.affordable
fee: Callable[..., float] = engine.fee
whole: Callable[..., float] = engine.whole
wished_shares: Callable[..., float] = engine.wished_shares


def walk_single(
    bars: int, opens: Floats, highs: Floats, lows: Floats, closes: Floats, signals: Ints, wishes: Floats,
    count: int, settings: Floats, capital: float, equity: Floats,
) -> tuple[int, bool]:  # fmt: skip
    """Write the equity at each close, the first being the capital; return the number of trades, and ruin."""
    delay = 0 if settings[AT_CLOSE] > 0.0 else 1
    stops = settings[STOP_LOSS] > 0.0 or settings[TAKE_PROFIT] > 0.0 or settings[TRAILING] > 0.0
    borrow = settings[BORROW_PER_BAR]
    cash, position, fill, best, standing = capital, 0.0, 0.0, 0.0, 0.0
    trades, ruined = 0, False
    done = bar = marked = 0
    while bar < bars:
        cash_before, position_before = cash, position
        ordered = done < count and signals[done] == bar - delay
        if ordered and delay == 1:
            cash, position, fill, best, standing, trades = execute(
                opens[bar], wishes[done], ruined, settings, cash, position, fill, best, standing, trades
            )
        if stops and position != 0.0:
            raw, leaves, best = leaving(opens[bar], highs[bar], lows[bar], position, fill, best, settings)
            if leaves:
                cash, position, standing = reduced(abs(position), raw, settings, cash, position, standing)
                trades += 1
        if ordered and delay == 0:
            cash, position, fill, best, standing, trades = execute(
                closes[bar], wishes[done], ruined, settings, cash, position, fill, best, standing, trades
            )
        if ordered:
            done += 1
        if position < 0.0 or cash <= 0.0 or bar == bars - 1:
            if borrow > 0.0 and position < 0.0:
                cash -= -position * closes[bar] * borrow
            falls = not ruined and (cash + position * closes[bar] if position != 0.0 else cash) <= 0.0
            ruined = ruined or falls
            if (falls or bar == bars - 1) and position != 0.0:
                cash, position, standing = reduced(
                    abs(position), closes[bar], settings, cash, position, standing
                )
                trades += 1
        if cash != cash_before or position != position_before:
            mark_single(marked, bar, cash_before, position_before, closes, equity)
            marked = bar
        following = signals[done] + delay if done < count else bars
        if following >= bars:
            following = bars - 1 if bar < bars - 1 else bars
        if position >= 0.0 and cash >= 0.0 and (position == 0.0 or not stops):
            bar = following
        elif position < 0.0 and borrow > 0.0:
            bar += 1
        else:
            bar, best = passed(bar + 1, following, highs, lows, closes, settings, cash, position, fill, best)
    mark_single(marked, bars, cash, position, closes, equity)
    equity[0] = capital
    return trades, ruined


def mark_single(first: int, after: int, cash: float, position: float, closes: Floats, equity: Floats) -> None:
    """Write the equity of bars on which cash and shares stand still.

    Four bars at a time, since the processor guesses a small number of repetitions better; those behind `after`
    are written over when the bars that follow are marked.
    """
    bar = first
    while bar < after and bar + FOUR <= len(equity):
        for place in range(bar, bar + FOUR):
            equity[place] = position * closes[place] + cash
        bar += FOUR
    for place in range(bar, after):
        equity[place] = position * closes[place] + cash


def execute(
    raw: float, wanted: float, ruined: bool, settings: Floats, cash: float, position: float, fill: float,
    best: float, standing: float, trades: int,
) -> tuple[float, float, float, float, float, int]:  # fmt: skip
    """Fill the order of a bar: a reduction, then an increase; return what becomes of the account."""
    wish = min(wanted, settings[HIGHEST])
    wish = max(wish, settings[LOWEST])
    if wish == standing or ruined:
        return cash, position, fill, best, standing, trades
    reversing = False
    if position != 0.0:
        surplus = abs(position) - wished_shares(cash + position * raw, raw, position, settings, wish)
        if surplus > 0.0:
            reversing = wish * position < 0.0
            cash, position, standing = reduced(surplus, raw, settings, cash, position, standing)
            trades += 1
            if position != 0.0:
                standing = wish
            if not reversing:
                return cash, position, fill, best, standing, trades
    side = 1.0 if wish > 0.0 else -1.0
    price = raw * (1.0 + side * settings[SLIPPAGE])
    wanted_shares = wished_increase(raw, price, wish, settings, cash, position)
    shares = fundable(wanted_shares, raw, price, settings, cash, position)
    if shares > 0.0:
        held = abs(position)
        total = held + shares
        if held == 0.0:
            fill = best = price
        else:
            fill = (fill * held + price * shares) / total
        position = side * total
        cash -= side * shares * price + fee(shares, price, settings)
        standing = wish
    elif reversing:
        standing = 0.0
    return cash, position, fill, best, standing, trades


def wished_increase(
    raw: float, price: float, wish: float, settings: Floats, cash: float, position: float
) -> float:
    """How many shares more a wish asks for."""
    wanted = abs(wish) * settings[SIZE]
    held = abs(position)
    if settings[SIZE_KIND] == SHARES:
        wanted = wanted - held
        return wanted if settings[FRACTIONAL] > 0.0 else whole(wanted)
    worth = cash + position * raw if position != 0.0 else cash
    budget = wanted * worth if settings[SIZE_KIND] == PERCENT else wanted
    return affordable(budget - held * raw, price, settings)


def fundable(
    wanted: float, raw: float, price: float, settings: Floats, cash: float, position: float
) -> float:
    """As many of the wanted shares as free funds pay for."""
    free = cash + 2.0 * position * raw if position < 0.0 else cash
    if wanted > 0.0 and wanted * price + fee(wanted, price, settings) > free:
        shares = affordable(free, price, settings)
        return 0.0 if shares < wanted * DUST else shares
    return wanted


def reduced(
    shares: float, raw: float, settings: Floats, cash: float, position: float, standing: float
) -> tuple[float, float, float]:
    """Cash, shares and standing wish after a position or part of it is closed."""
    side = 1.0 if position > 0.0 else -1.0
    price = raw * (1.0 - side * settings[SLIPPAGE])
    cost = fee(shares, price, settings)
    position = position - side * shares
    cash += side * shares * price - cost
    return cash, position, 0.0 if position == 0.0 else standing


def limits(position: float, fill: float, best: float, settings: Floats) -> tuple[float, float]:
    """The prices at which the position stops out and takes its profit."""
    if position > 0.0:
        stop = fill * (1.0 - settings[STOP_LOSS]) if settings[STOP_LOSS] > 0.0 else 0.0
        trail = best * (1.0 - settings[TRAILING]) if settings[TRAILING] > 0.0 else 0.0
        target = fill * (1.0 + settings[TAKE_PROFIT]) if settings[TAKE_PROFIT] > 0.0 else FAR_ABOVE
        return max(stop, trail), target
    stop = fill * (1.0 + settings[STOP_LOSS]) if settings[STOP_LOSS] > 0.0 else FAR_ABOVE
    trail = best * (1.0 + settings[TRAILING]) if settings[TRAILING] > 0.0 else FAR_ABOVE
    target = fill * (1.0 - settings[TAKE_PROFIT]) if settings[TAKE_PROFIT] > 0.0 else 0.0
    return min(stop, trail), target


def leaving(
    opened: float, high: float, low: float, position: float, fill: float, best: float, settings: Floats
) -> tuple[float, bool, float]:
    """At which price the position is left on a bar, whether it is, and the best price since its entry."""
    stop, target = limits(position, fill, best, settings)
    sign = 1.0 if position > 0.0 else -1.0
    worst = low if position > 0.0 else high
    reached = high if position > 0.0 else low
    if (opened - stop) * sign <= 0.0 or (opened - target) * sign >= 0.0:
        return opened, True, best
    if (worst - stop) * sign <= 0.0:
        return stop, True, best
    if (reached - target) * sign >= 0.0:
        return target, True, best
    return 0.0, False, reached if (reached - best) * sign > 0.0 else best


def passed(
    bar: int, following: int, highs: Floats, lows: Floats, closes: Floats, settings: Floats, cash: float,
    position: float, fill: float, best: float,
) -> tuple[int, float]:  # fmt: skip
    """The next bar on which the position meets an exit or the account ruin; its trail moves on the way."""
    trailing = settings[TRAILING] > 0.0
    stop, target = limits(position, fill, best, settings)
    while bar < following:
        if cash + position * closes[bar] <= 0.0:
            return bar, best
        if position > 0.0:
            if lows[bar] <= stop or highs[bar] >= target:
                return bar, best
            if trailing and highs[bar] > best:
                best = highs[bar]
                stop, target = limits(position, fill, best, settings)
        elif position < 0.0:
            if highs[bar] >= stop or lows[bar] <= target:
                return bar, best
            if trailing and lows[bar] < best:
                best = lows[bar]
                stop, target = limits(position, fill, best, settings)
        bar += 1
    return bar, best
