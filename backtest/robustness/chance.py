"""What chance does to a run: other paths of its returns, another order of its trades, random entries instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats, Ints
from backtest.metrics.account import Account, Undefined
from backtest.metrics.block_length import optimal_block_length
from backtest.metrics.probability import PATHS, PERCENTS, bootstrap
from backtest.prices.bars import PRICES
from backtest.robustness.basis import Basis
from backtest.simulation.simulate import Simulation, settings_of
from backtest.studies.execution.trials import kernel

MOST_AT_ONCE: Final = 50
SAME: Final = 1e-12
"""Returns and drawdowns that differ by less are equal: the same factors in another order differ in their last bits."""
_BYTES_AT_ONCE: Final = 64 << 20
"""Of the targets of random entries that are simulated together, unless one alone takes more."""


def bands(account: Account, *, seed: int) -> dict[str, Any]:
    """5, 50 and 95 % of growth a year, drawdown and Sharpe ratio over resampled paths of the returns.

    The stationary bootstrap with the automatic length of blocks; it asks how far another sample of the same
    returns could have led.
    """
    block = optimal_block_length(account.returns)
    return bootstrap(
        account.returns, periods_per_year=account.periods_per_year, seed=seed, block=block
    ).as_json()


def order_of_trades(account: Account, *, seed: int) -> dict[str, Any]:
    """How deep the account of closed trades would have fallen had they come in another order.

    Only the path moves: every order ends with the same money. A trade changes the account by the part of it that
    its profit was when it was closed.
    """
    pnl = np.asarray(account.trades.pnl, np.float64)
    worth = float(account.equity[0]) + np.concatenate(([0.0], np.cumsum(pnl)))
    if len(pnl) < 2 or not worth.min() > 0:
        raise Undefined("undefined: fewer than 2 trades, or the account of closed trades fell to zero")
    growth: Floats = 1.0 + pnl / worth[:-1]
    random = np.random.default_rng(seed)
    falls = np.array([_deepest(growth[random.permutation(len(growth))]) for _ in range(PATHS)])
    actual = _deepest(growth)
    return {
        "paths": PATHS,
        "seed": seed,
        "max_drawdown": _percentiles(falls),
        "actual": actual,
        "share_shallower": float(np.mean(falls > actual + SAME)),
    }


def luck(basis: Basis, done: Simulation, *, seed: int, paths: int = PATHS) -> dict[str, Any]:
    """Where the result stands among as many random entries with the same holding times and sides.

    Each path puts the positions of the run, in any order, at random places that do not overlap, with the same
    costs and sizing and without stops, for a position ends when its time is over.
    """
    if not done.num_trades:
        raise Undefined("undefined: no trades")
    random = np.random.default_rng(seed)
    at_once = max(1, min(MOST_AT_ONCE, _BYTES_AT_ONCE // basis.target.nbytes))
    found = []
    for first in range(0, paths, at_once):
        count = min(at_once, paths - first)
        rows = [_random_target(basis, done, random).reshape(-1) for _ in range(count)]
        found.append(_total_returns(basis, np.array(rows)))
    returns = np.concatenate(found)
    actual = float(done.equity[-1]) / done.initial_capital - 1.0
    return {
        "paths": paths,
        "seed": seed,
        "total_return": _percentiles(returns),
        "actual": actual,
        "share_below": float(np.mean(returns < actual - SAME)),
    }


def _random_target(basis: Basis, done: Simulation, random: np.random.Generator) -> Floats:
    bars, width = basis.target.shape
    target = np.zeros((bars, width))
    for symbol in range(width):
        lengths, sides = _positions(done, symbol)
        order = random.permutation(len(lengths))
        begin = _places(lengths[order], bars - 1, random)
        for first, length, side in zip(begin, lengths[order], sides[order], strict=True):
            target[first : first + length, symbol] = side
    return target


def _positions(done: Simulation, symbol: int) -> tuple[Ints, Ints]:
    """Bars held and side of each position of a symbol: from its entry to the last of its closings."""
    trades = done.trades
    own = np.flatnonzero(trades.symbol == symbol)
    entries, first = np.unique(trades.entry_bar[own], return_index=True)
    last = np.zeros(len(entries), np.int64)
    np.maximum.at(last, np.searchsorted(entries, trades.entry_bar[own]), trades.exit_bar[own])
    return np.maximum(last - entries, 1), trades.side[own][first]


def _places(lengths: Ints, bars: int, random: np.random.Generator) -> Ints:
    """Where positions of these lengths begin, in order, all choices of gaps equally likely."""
    free = max(0, bars - int(lengths.sum()))
    gaps = np.sort(random.integers(0, free + 1, len(lengths)))
    begin: Ints = gaps + np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
    return begin


def _total_returns(basis: Basis, targets: Floats) -> Floats:
    """The total return of each row of targets, by the compiled engine."""
    config = replace(basis.config, stop_loss_pct=None, take_profit_pct=None, trailing_stop_pct=None)
    bars, width = basis.target.shape
    prices = [np.ascontiguousarray(getattr(basis.aligned.bars, name)).reshape(-1) for name in PRICES]
    settings = np.array([settings_of(config, width)] * len(targets))
    facts = np.empty((len(targets), kernel().FACTS))
    kernel().simulate_rows(
        0, bars, width, *prices, targets, np.arange(len(targets)), settings, float(config.initial_capital),
        np.empty(0, np.intp), np.empty(bars), np.empty((len(targets), bars - 1)), facts,
    )  # fmt: skip
    returns: Floats = facts[:, 0] / config.initial_capital - 1.0
    return returns


def _deepest(growth: Floats) -> float:
    """The deepest fall of an account that begins at 1 and grows by these factors."""
    worth = np.cumprod(growth)
    return float((worth / np.maximum(np.maximum.accumulate(worth), 1.0)).min()) - 1.0


def _percentiles(values: Floats) -> dict[str, float]:
    return dict(zip(("p5", "p50", "p95"), np.percentile(values, PERCENTS).tolist(), strict=True))
