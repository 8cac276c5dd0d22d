"""Trades and fills as columns, from the engine's rows, with profit, costs and excursions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtest import engine
from backtest.arrays import Floats, Ints, Signs
from backtest.prices.bars import Bars
from backtest.simulation.config import EngineConfig

EXIT_REASONS = ("signal", "stop_loss", "take_profit", "trailing_stop", "end_of_data", "ruin")
"""The names of `Trades.exit_reason`, by code."""


@dataclass(frozen=True, slots=True)
class Trades:
    """Every closing of a position or of part of it, in the order in which they happened; (N,) arrays.

    `symbol` is an index, `side` 1 or -1, `size` shares; `entry_bar` and `exit_bar` index the
    simulation's `times`; `entry_price` and `exit_price` are raw, `entry_fill` and `exit_fill` after
    slippage; fees, `slippage` (both sides), `borrow` and `pnl` (net of all three) are currency;
    `pnl_pct` is percent of what the entry cost (notional at the fill and fee). `mae_pct` and
    `mfe_pct` are the worst and the best raw price while the position was held, in percent of the
    entry fill, at most and at least 0.
    """

    symbol: Ints
    side: Ints
    size: Floats
    entry_bar: Ints
    exit_bar: Ints
    entry_price: Floats
    entry_fill: Floats
    exit_price: Floats
    exit_fill: Floats
    entry_fee: Floats
    exit_fee: Floats
    slippage: Floats
    borrow: Floats
    pnl: Floats
    pnl_pct: Floats
    bars_held: Ints
    mae_pct: Floats
    mfe_pct: Floats
    exit_reason: Signs

    def __len__(self) -> int:
        return len(self.symbol)


@dataclass(frozen=True, slots=True)
class Fills:
    """Every purchase and sale in the order in which they happened; (N,) arrays.

    `shares` is signed, `position` what the symbol holds afterwards, `price` raw, `fill` after slippage.
    """

    bar: Ints
    symbol: Ints
    position: Floats
    shares: Floats
    price: Floats
    fill: Floats

    def __len__(self) -> int:
        return len(self.bar)


def fills_of(rows: Floats) -> Fills:
    """The fills of the kernel's rows."""
    return Fills(
        bar=rows[:, 0].astype(np.int64),
        symbol=rows[:, 1].astype(np.int64),
        position=rows[:, 2].copy(),
        shares=rows[:, 3].copy(),
        price=rows[:, 4].copy(),
        fill=rows[:, 5].copy(),
    )


def trades_of(rows: Floats, bars: Bars, config: EngineConfig) -> Trades:
    """The trades of the kernel's rows, with profit, costs and excursions."""
    (
        symbol, side, size, opened, closed, price_in, fill_in, price_out, fill_out, fee_in, fee_out, borrow,
        reason,
    ) = np.ascontiguousarray(rows.T)  # fmt: skip
    pnl = side * (fill_out - fill_in) * size - fee_in - fee_out - borrow
    slippage = (np.abs(fill_in - price_in) + np.abs(fill_out - price_out)) * size
    at = (symbol.astype(np.int64), opened.astype(np.int64), closed.astype(np.int64))
    codes = reason.astype(np.int8)
    worst, best = _excursions(bars, config, *at, codes, side, fill_in, price_out)
    return Trades(
        symbol=at[0],
        side=side.astype(np.int64),
        size=size,
        entry_bar=at[1],
        exit_bar=at[2],
        entry_price=price_in,
        entry_fill=fill_in,
        exit_price=price_out,
        exit_fill=fill_out,
        entry_fee=fee_in,
        exit_fee=fee_out,
        slippage=slippage,
        borrow=borrow,
        pnl=pnl,
        pnl_pct=100.0 * pnl / (size * fill_in + fee_in),
        bars_held=at[2] - at[1],
        mae_pct=worst,
        mfe_pct=best,
        exit_reason=codes,
    )


def _excursions(
    bars: Bars, config: EngineConfig, symbol: Ints, opened: Ints, closed: Ints, reason: Signs,
    side: Floats, fill: Floats, leaving: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """The most adverse and the most favourable raw price while held, percent of the entry fill.

    Whole bars count from the fill on; of a bar left at the open or at a level only the exit price.
    """
    at_close = config.fill == "close"
    to_the_close = (reason == engine.BY_END_OF_DATA) | (reason == engine.BY_RUIN)
    if at_close:
        to_the_close |= reason == engine.BY_SIGNAL
    first, stop = opened + at_close, closed + to_the_close
    lowest, highest = leaving.copy(), leaving.copy()
    whole = np.flatnonzero(first < stop)
    if len(whole):
        offset = symbol[whole] * len(bars)
        spans = np.column_stack((offset + first[whole], offset + stop[whole] - 1))
        for values, pick, extreme in ((bars.low, np.minimum, lowest), (bars.high, np.maximum, highest)):
            flat = values.T.reshape(-1)
            inside = pick(pick.reduceat(flat, spans.reshape(-1))[::2], flat[spans[:, 1]])
            extreme[whole] = pick(extreme[whole], inside)
    worst = np.where(side > 0, lowest, highest)
    best = np.where(side > 0, highest, lowest)
    adverse = np.minimum(0.0, 100.0 * side * (worst / fill - 1.0))
    favourable = np.maximum(0.0, 100.0 * side * (best / fill - 1.0))
    return adverse, favourable
