"""The simulation core, version 1: prices and signals in, fills and trades out. Frozen.

What these functions compute never changes under the same `ENGINE_VERSION`; `engine.lock` holds the
SHA-256 of this file, docs/engine.md says in words what it does. One source runs in two gears: plain
Python over lists, and compiled over float64 arrays (`backtest.gears`). So there are only loops,
floats and flat sequences in it, every table being one sequence of rows of fixed width.

Prices are flat: the price of symbol m at bar t stands at ``t * width + m``.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

ENGINE_VERSION = 1

Indices = Sequence[int]
Prices = Sequence[float]
Rows = MutableSequence[float]  # in the compiled gear all three are arrays

# settings: what the simulation is told
(FEE_RATE, FEE_PER_SHARE, FEE_MIN, SLIPPAGE, SIZE_KIND, SIZE, FRACTIONAL, LOWEST, HIGHEST, AT_CLOSE,
 STOP_LOSS, TAKE_PROFIT, TRAILING, BORROW_PER_BAR) = range(14)  # fmt: skip
PERCENT, VALUE, SHARES = range(3)

# account: one row of money and counts
(CASH, RUINED, STEPS, FILLS, TRADES, AMBIGUOUS, UNCHANGED, FILLED, CUT,
 DIRECTION, NO_NEXT_BAR, TOO_SMALL, NO_CASH, RUIN, HELD, SHORTS) = range(16)  # fmt: skip
ACCOUNT_WIDTH = 16

# book: one row for each symbol
(POSITION, ENTRY_PRICE, ENTRY_FILL, ENTRY_FEE, BORROWED, ENTRY_BAR, BEST, STANDING, WISH,
 ORDERED) = range(10)  # fmt: skip
BOOK_WIDTH = 10

# steps: the cash from a bar on; fills: what happened at once; trades: each closing
STEP_WIDTH = 2  # bar, cash
FILL_WIDTH = 6  # bar, symbol, position afterwards, shares (signed), raw price, fill price
(SYMBOL, SIDE, TRADE_SIZE, OPENED, CLOSED, OPEN_PRICE, OPEN_FILL, CLOSE_PRICE, CLOSE_FILL, OPEN_FEE,
 CLOSE_FEE, BORROW, REASON) = range(13)  # fmt: skip
TRADE_WIDTH = 13

# why a trade ended
BY_SIGNAL, BY_STOP_LOSS, BY_TAKE_PROFIT, BY_TRAILING_STOP, BY_END_OF_DATA, BY_RUIN = range(6)

ONE_ULP_LESS = 1.0 - 2.0**-52
DUST = 1e-9  # less than this part of the shares wished for is nothing
WHOLE_ABOVE = 2.0**52  # floats from here on have no fraction
FAR_ABOVE = float("inf")


def run(
    bars: int, width: int, opens: Prices, highs: Prices, lows: Prices, closes: Prices, signals: Indices,
    targets: Prices, settings: Prices, account: Rows, book: Rows, steps: Rows, fills: Rows, trades: Rows,
) -> None:  # fmt: skip
    """Walk from event to event and leave the result in `account`, `book`, `steps`, `fills`, `trades`.

    `signals` are the flat indices (bar * width + symbol, ascending) at which the rule states the wish
    `targets`. A bar is walked only when something may happen on it.
    """
    delay = 0 if settings[AT_CLOSE] > 0.0 else 1
    stops = settings[STOP_LOSS] > 0.0 or settings[TAKE_PROFIT] > 0.0 or settings[TRAILING] > 0.0
    count = len(signals)
    done = 0
    bar = 0
    while bar < bars:
        row = bar * width
        before = account[FILLS]
        last = done
        while last < count and signals[last] < (bar + 1 - delay) * width:
            last += 1
        if delay == 1 and last > done:
            execute(
                bar, row, width, row - width, done, last, signals, targets, opens,
                settings, account, book, fills, trades,
            )  # fmt: skip
        if stops:
            check_exits(bar, row, width, opens, highs, lows, settings, account, book, fills, trades)
        if delay == 0 and last > done:
            execute(
                bar, row, width, row, done, last, signals, targets, closes,
                settings, account, book, fills, trades,
            )  # fmt: skip
        done = last
        charged = settle(bar, bars, row, width, closes, settings, account, book, fills, trades)
        if charged or account[FILLS] > before:
            record_cash(bar, account, steps)
        following = signals[done] // width + delay if done < count else bars
        if following >= bars:
            following = bars - 1 if bar < bars - 1 else bars
        bar = next_bar(bar, following, width, stops, highs, lows, closes, settings, account, book)
    while done < count:
        judge(signals[done] % width, targets[done], True, settings, account, book)
        done += 1


def next_bar(
    bar: int, following: int, width: int, stops: bool, highs: Prices, lows: Prices, closes: Prices,
    settings: Prices, account: Rows, book: Rows,
) -> int:  # fmt: skip
    """The next bar on which something may happen, at the latest `following`."""
    shorts = account[SHORTS]
    if shorts == 0.0 and account[CASH] >= 0.0 and (account[HELD] == 0.0 or not stops):
        return following
    if width > 1 or (shorts > 0.0 and settings[BORROW_PER_BAR] > 0.0):
        return bar + 1
    return scan(bar + 1, following, highs, lows, closes, settings, account, book)


def scan(
    bar: int, following: int, highs: Prices, lows: Prices, closes: Prices, settings: Prices, account: Rows,
    book: Rows,
) -> int:  # fmt: skip
    """Let the bars pass on which a single symbol meets no exit and no ruin; move its trail."""
    position = book[POSITION]
    cash = account[CASH]
    trailing = settings[TRAILING] > 0.0
    stop, target, _ = levels(0, settings, book)
    while bar < following:
        if cash + position * closes[bar] <= 0.0:
            return bar
        if position > 0.0:
            if lows[bar] <= stop or highs[bar] >= target:
                return bar
            if trailing and highs[bar] > book[BEST]:
                book[BEST] = highs[bar]
                stop, target, _ = levels(0, settings, book)
        elif position < 0.0:
            if highs[bar] >= stop or lows[bar] <= target:
                return bar
            if trailing and lows[bar] < book[BEST]:
                book[BEST] = lows[bar]
                stop, target, _ = levels(0, settings, book)
        bar += 1
    return bar


def levels(entry: int, settings: Prices, book: Rows) -> tuple[float, float, bool]:
    """The prices at which the position stops out and takes its profit, and whether the trail stops it."""
    fill = book[entry + ENTRY_FILL]
    best = book[entry + BEST]
    if book[entry + POSITION] > 0.0:
        stop = fill * (1.0 - settings[STOP_LOSS]) if settings[STOP_LOSS] > 0.0 else 0.0
        trail = best * (1.0 - settings[TRAILING]) if settings[TRAILING] > 0.0 else 0.0
        target = fill * (1.0 + settings[TAKE_PROFIT]) if settings[TAKE_PROFIT] > 0.0 else FAR_ABOVE
        if trail > stop:
            return trail, target, True
        return stop, target, False
    stop = fill * (1.0 + settings[STOP_LOSS]) if settings[STOP_LOSS] > 0.0 else FAR_ABOVE
    trail = best * (1.0 + settings[TRAILING]) if settings[TRAILING] > 0.0 else FAR_ABOVE
    target = fill * (1.0 - settings[TAKE_PROFIT]) if settings[TAKE_PROFIT] > 0.0 else 0.0
    if trail < stop:
        return trail, target, True
    return stop, target, False


def check_exits(
    bar: int, row: int, width: int, opens: Prices, highs: Prices, lows: Prices, settings: Prices,
    account: Rows, book: Rows, fills: Rows, trades: Rows,
) -> None:  # fmt: skip
    """Close what meets its stop or its target on this bar; move the trail of what remains."""
    for symbol in range(width):
        entry = symbol * BOOK_WIDTH
        position = book[entry + POSITION]
        if position == 0.0:
            continue
        at = row + symbol
        stop, target, trailed = levels(entry, settings, book)
        by_stop = BY_TRAILING_STOP if trailed else BY_STOP_LOSS
        sign = 1.0 if position > 0.0 else -1.0
        worst = lows[at] if position > 0.0 else highs[at]
        best = highs[at] if position > 0.0 else lows[at]
        if (opens[at] - stop) * sign <= 0.0:
            reduce(bar, symbol, abs(position), opens[at], by_stop, settings, account, book, fills, trades)
        elif (opens[at] - target) * sign >= 0.0:
            reduce(
                bar, symbol, abs(position), opens[at], BY_TAKE_PROFIT, settings, account, book, fills, trades
            )
        elif (worst - stop) * sign <= 0.0:
            if (best - target) * sign >= 0.0:
                account[AMBIGUOUS] += 1.0
            reduce(bar, symbol, abs(position), stop, by_stop, settings, account, book, fills, trades)
        elif (best - target) * sign >= 0.0:
            reduce(bar, symbol, abs(position), target, BY_TAKE_PROFIT, settings, account, book, fills, trades)
        elif (best - book[entry + BEST]) * sign > 0.0:
            book[entry + BEST] = best


def settle(
    bar: int, bars: int, row: int, width: int, closes: Prices, settings: Prices, account: Rows, book: Rows,
    fills: Rows, trades: Rows,
) -> bool:  # fmt: skip
    """Charge the borrow, mark to the close, end what ruin or the last bar ends; True when charged."""
    if account[SHORTS] == 0.0 and account[CASH] > 0.0 and bar < bars - 1:
        return False
    charged = False
    if settings[BORROW_PER_BAR] > 0.0:
        for symbol in range(width):
            entry = symbol * BOOK_WIDTH
            if book[entry + POSITION] < 0.0:
                cost = -book[entry + POSITION] * closes[row + symbol] * settings[BORROW_PER_BAR]
                account[CASH] -= cost
                book[entry + BORROWED] += cost
                charged = True
    ruined = account[RUINED] == 0.0 and equity(row, width, closes, account, book) <= 0.0
    if ruined:
        account[RUINED] = 1.0
    if ruined or bar == bars - 1:
        reason = BY_RUIN if ruined else BY_END_OF_DATA
        for symbol in range(width):
            shares = abs(book[symbol * BOOK_WIDTH + POSITION])
            if shares > 0.0:
                reduce(
                    bar, symbol, shares, closes[row + symbol], reason, settings, account, book, fills, trades
                )
    return charged


def equity(row: int, width: int, prices: Prices, account: Rows, book: Rows) -> float:
    """Cash plus all positions at these prices."""
    total = account[CASH]
    for symbol in range(width):
        position = book[symbol * BOOK_WIDTH + POSITION]
        if position != 0.0:
            total += position * prices[row + symbol]
    return total


def free_funds(row: int, width: int, prices: Prices, account: Rows, book: Rows) -> float:
    """What an increase may cost: equity less gross exposure, which is cash less twice the shorts."""
    free = account[CASH]
    if account[SHORTS] == 0.0:
        return free
    for symbol in range(width):
        position = book[symbol * BOOK_WIDTH + POSITION]
        if position < 0.0:
            free += 2.0 * position * prices[row + symbol]
    return free


def judge(symbol: int, wanted: float, too_late: bool, settings: Prices, account: Rows, book: Rows) -> bool:
    """Tell whether a signal becomes an order, count it when not; the wish is left in the book."""
    wish = wanted
    if wish > settings[HIGHEST]:
        wish = settings[HIGHEST]
    if wish < settings[LOWEST]:
        wish = settings[LOWEST]
    entry = symbol * BOOK_WIDTH
    book[entry + WISH] = wish
    if wish == book[entry + STANDING]:
        account[UNCHANGED if wish == wanted else DIRECTION] += 1.0
        return False
    if account[RUINED] > 0.0:
        account[RUIN] += 1.0
        return False
    if too_late:
        account[NO_NEXT_BAR] += 1.0
        return False
    return True


def execute(
    bar: int, row: int, width: int, signalled: int, first: int, last: int, signals: Indices,
    targets: Prices, prices: Prices, settings: Prices, account: Rows, book: Rows, fills: Rows, trades: Rows,
) -> None:  # fmt: skip
    """Fill the orders of one bar: all reductions in symbol order, then all increases.

    `signalled` is the row of the bar that gave the signals `first` to `last`.
    """
    ordered = False
    held = False
    for index in range(first, last):
        symbol = signals[index] - signalled
        order = judge(symbol, targets[index], False, settings, account, book)
        book[symbol * BOOK_WIDTH + ORDERED] = 1.0 if order else 0.0
        ordered = ordered or order
        held = held or (order and book[symbol * BOOK_WIDTH + POSITION] != 0.0)
    if held:
        ordered = cut_back(
            bar, row, width, signalled, first, last, signals, prices, settings, account, book, fills, trades
        )
    if not ordered:
        return
    worth = equity(row, width, prices, account, book)
    for index in range(first, last):
        symbol = signals[index] - signalled
        if book[symbol * BOOK_WIDTH + ORDERED] > 0.0:
            free = free_funds(row, width, prices, account, book)
            increase(bar, symbol, prices[row + symbol], worth, free, settings, account, book, fills, trades)


def cut_back(
    bar: int, row: int, width: int, signalled: int, first: int, last: int, signals: Indices, prices: Prices,
    settings: Prices, account: Rows, book: Rows, fills: Rows, trades: Rows,
) -> bool:  # fmt: skip
    """Execute the reductions among the orders; True when increases remain."""
    remaining = False
    worth = equity(row, width, prices, account, book)
    for index in range(first, last):
        symbol = signals[index] - signalled
        entry = symbol * BOOK_WIDTH
        position = book[entry + POSITION]
        if book[entry + ORDERED] > 0.0 and position != 0.0:
            raw = prices[row + symbol]
            surplus = abs(position) - wished_shares(worth, raw, position, settings, book[entry + WISH])
            if surplus > 0.0:
                reduce(bar, symbol, surplus, raw, BY_SIGNAL, settings, account, book, fills, trades)
                opens_anew = book[entry + WISH] * position < 0.0
                book[entry + ORDERED] = 2.0 if opens_anew else 0.0
                if not opens_anew:
                    account[FILLED] += 1.0
                if book[entry + POSITION] != 0.0:
                    book[entry + STANDING] = book[entry + WISH]
        remaining = remaining or book[entry + ORDERED] > 0.0
    return remaining


def wished_shares(worth: float, raw: float, position: float, settings: Prices, wish: float) -> float:
    """How many of the shares held a wish keeps; more than are held stands for an increase."""
    if wish * position <= 0.0:
        return 0.0
    size = abs(wish) * settings[SIZE]
    if settings[SIZE_KIND] == PERCENT:
        size = worth * size / raw
    elif settings[SIZE_KIND] == VALUE:
        size = size / raw
    if size <= 0.0:
        return 0.0
    return size if settings[FRACTIONAL] > 0.0 else whole(size)


def increase(
    bar: int, symbol: int, raw: float, worth: float, free: float, settings: Prices, account: Rows,
    book: Rows, fills: Rows, trades: Rows,
) -> None:  # fmt: skip
    """Buy, or sell short, what budget and free funds allow; count what becomes of the order."""
    entry = symbol * BOOK_WIDTH
    wish = book[entry + WISH]
    side = 1.0 if wish > 0.0 else -1.0
    price = raw * (1.0 + side * settings[SLIPPAGE])
    wanted = abs(wish) * settings[SIZE]
    held = abs(book[entry + POSITION])
    if settings[SIZE_KIND] == SHARES:
        wanted = wanted - held
        if settings[FRACTIONAL] == 0.0:
            wanted = whole(wanted)
    else:
        budget = wanted * worth if settings[SIZE_KIND] == PERCENT else wanted
        wanted = affordable(budget - held * raw, price, settings)
    shares = wanted
    if shares > 0.0 and shares * price + fee(shares, price, settings) > free:
        shares = affordable(free, price, settings)
        if shares < wanted * DUST:
            shares = 0.0
    reversing = book[entry + ORDERED] == 2.0
    if shares > 0.0:
        add(bar, symbol, side, shares, raw, price, settings, account, book, fills, trades)
        account[FILLED] += 1.0
        account[CUT] += 1.0 if shares < wanted * (1.0 - DUST) else 0.0
        book[entry + STANDING] = wish
    elif reversing:
        account[FILLED] += 1.0
        account[CUT] += 1.0
        book[entry + STANDING] = 0.0
    else:
        account[NO_CASH if wanted > 0.0 else TOO_SMALL] += 1.0


def fee(shares: float, price: float, settings: Prices) -> float:
    """The fee of one fill."""
    cost = shares * price * settings[FEE_RATE] + shares * settings[FEE_PER_SHARE]
    return cost if cost > settings[FEE_MIN] else settings[FEE_MIN]


def affordable(money: float, price: float, settings: Prices) -> float:
    """The most shares whose notional and fee together do not exceed `money`, to the last bit."""
    if money <= 0.0:
        return 0.0
    shares = money / (price * (1.0 + settings[FEE_RATE]) + settings[FEE_PER_SHARE])
    if shares * price + settings[FEE_MIN] > money:
        shares = (money - settings[FEE_MIN]) / price
    if shares <= 0.0:
        return 0.0
    if settings[FRACTIONAL] > 0.0:
        while shares * price + fee(shares, price, settings) > money:
            shares *= ONE_ULP_LESS
        return shares
    shares = whole(shares) + 1.0
    while shares > 0.0 and shares * price + fee(shares, price, settings) > money:
        shares -= 1.0 if shares < WHOLE_ABOVE else shares * 2.0**-52
    return shares


def whole(shares: float) -> float:
    """The shares without their fraction."""
    return float(int(shares)) if shares < WHOLE_ABOVE else shares


def add(
    bar: int, symbol: int, side: float, shares: float, raw: float, price: float, settings: Prices,
    account: Rows, book: Rows, fills: Rows, trades: Rows,
) -> None:  # fmt: skip
    """Open or enlarge a position; entry prices are averages over the shares."""
    entry = symbol * BOOK_WIDTH
    cost = fee(shares, price, settings)
    held = abs(book[entry + POSITION])
    total = held + shares
    if held == 0.0:
        account[HELD] += 1.0
        account[SHORTS] += 1.0 if side < 0.0 else 0.0
        book[entry + ENTRY_PRICE] = raw
        book[entry + ENTRY_FILL] = price
        book[entry + ENTRY_FEE] = cost
        book[entry + BORROWED] = 0.0
        book[entry + ENTRY_BAR] = float(bar)
        book[entry + BEST] = price
    else:
        book[entry + ENTRY_PRICE] = (book[entry + ENTRY_PRICE] * held + raw * shares) / total
        book[entry + ENTRY_FILL] = (book[entry + ENTRY_FILL] * held + price * shares) / total
        book[entry + ENTRY_FEE] += cost
    book[entry + POSITION] = side * total
    account[CASH] -= side * shares * price + cost
    record_fill(bar, symbol, side * shares, raw, price, account, book, fills)


def reduce(
    bar: int, symbol: int, shares: float, raw: float, reason: int, settings: Prices, account: Rows,
    book: Rows, fills: Rows, trades: Rows,
) -> None:  # fmt: skip
    """Close a position or part of it: a row of `trades`."""
    entry = symbol * BOOK_WIDTH
    position = book[entry + POSITION]
    side = 1.0 if position > 0.0 else -1.0
    price = raw * (1.0 - side * settings[SLIPPAGE])
    cost = fee(shares, price, settings)
    part = shares / abs(position)
    entry_fee = book[entry + ENTRY_FEE] * part
    borrow = book[entry + BORROWED] * part
    row = int(account[TRADES]) * TRADE_WIDTH
    trades[row + SYMBOL], trades[row + SIDE], trades[row + TRADE_SIZE] = float(symbol), side, shares
    trades[row + OPENED], trades[row + CLOSED] = book[entry + ENTRY_BAR], float(bar)
    trades[row + OPEN_PRICE], trades[row + OPEN_FILL] = book[entry + ENTRY_PRICE], book[entry + ENTRY_FILL]
    trades[row + CLOSE_PRICE], trades[row + CLOSE_FILL] = raw, price
    trades[row + OPEN_FEE], trades[row + CLOSE_FEE] = entry_fee, cost
    trades[row + BORROW], trades[row + REASON] = borrow, float(reason)
    account[TRADES] += 1.0
    book[entry + ENTRY_FEE] -= entry_fee
    book[entry + BORROWED] -= borrow
    book[entry + POSITION] = position - side * shares
    account[CASH] += side * shares * price - cost
    if book[entry + POSITION] == 0.0:
        account[HELD] -= 1.0
        account[SHORTS] -= 1.0 if side < 0.0 else 0.0
        book[entry + STANDING] = 0.0
    record_fill(bar, symbol, -side * shares, raw, price, account, book, fills)


def record_fill(
    bar: int, symbol: int, shares: float, raw: float, price: float, account: Rows, book: Rows, fills: Rows,
) -> None:  # fmt: skip
    """Append a row to `fills`."""
    row = int(account[FILLS]) * FILL_WIDTH
    fills[row], fills[row + 1] = float(bar), float(symbol)
    fills[row + 2], fills[row + 3] = book[symbol * BOOK_WIDTH + POSITION], shares
    fills[row + 4], fills[row + 5] = raw, price
    account[FILLS] += 1.0


def record_cash(bar: int, account: Rows, steps: Rows) -> None:
    """Append a row to `steps`: the cash from this close on."""
    row = int(account[STEPS]) * STEP_WIDTH
    steps[row] = float(bar)
    steps[row + 1] = account[CASH]
    account[STEPS] += 1.0
