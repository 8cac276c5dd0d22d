"""What an engine did, in the terms that every engine shares, and whether two of them did the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CENT = 0.01
RELATIVE = 1e-9
"""Prices and sizes may differ in the last digits, since each engine orders its arithmetic differently."""


@dataclass(frozen=True, slots=True, order=True)
class Trade:
    """One closing of a position; prices are fills (after slippage), PnL is net of every cost."""

    exit_bar: int
    symbol: int
    entry_bar: int
    side: int
    size: float
    entry_price: float
    exit_price: float
    pnl: float = field(compare=False)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The trades in the order of their exits, the final equity and, where known, that of each close."""

    trades: tuple[Trade, ...]
    final_equity: float
    equity: NDArray[np.float64] | None = None


def differences(ours: Ledger, theirs: Ledger, *, size_tolerance: float = RELATIVE) -> list[str]:
    """Every way in which two ledgers differ by a cent, a bar or a share; empty when they agree."""
    found = []
    if len(ours.trades) != len(theirs.trades):
        found.append(f"{len(ours.trades)} trades against {len(theirs.trades)}")
    pairs = zip(ours.trades, theirs.trades, strict=False)
    apart = (f"{a} against {b}" for a, b in pairs if not _same(a, b, size_tolerance))
    found += list(apart)[:3]
    if abs(ours.final_equity - theirs.final_equity) >= CENT:
        found.append(f"final equity {ours.final_equity:.6f} against {theirs.final_equity:.6f}")
    if ours.equity is not None and theirs.equity is not None:
        gap = np.abs(ours.equity - theirs.equity)
        if gap.max() >= CENT:
            bar = int(np.argmax(gap >= CENT))
            found.append(f"equity at bar {bar}: {ours.equity[bar]:.6f} against {theirs.equity[bar]:.6f}")
    return found


def _same(ours: Trade, theirs: Trade, size_tolerance: float) -> bool:
    where = ("exit_bar", "symbol", "entry_bar", "side")
    prices = (ours.entry_price, ours.exit_price), (theirs.entry_price, theirs.exit_price)
    return (
        all(getattr(ours, name) == getattr(theirs, name) for name in where)
        and bool(np.isclose(ours.size, theirs.size, rtol=size_tolerance, atol=0))
        and bool(np.allclose(*prices, rtol=RELATIVE, atol=0))
        and abs(ours.pnl - theirs.pnl) < CENT
    )
