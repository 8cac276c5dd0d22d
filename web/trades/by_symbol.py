"""What each symbol brought, how much of the account it was over time, and how alike the symbols moved."""

from __future__ import annotations

from threading import Condition
from typing import Any, Final

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray

from store.models import Run
from store.queries.results import TradeColumns
from web.presentation.decimation import Floats, Times
from web.results.stored_curves import Curves, closes
from web.trades.marks import columns_of

_BUCKETS: Final = 120
_HEIGHT, _WIDTH = 100.0, 100.0


def _key(run: Run, _curves: Curves) -> tuple[str, str]:
    return run.run_id, str(run.result_hash)


@cached(LRUCache(32), key=_key, condition=Condition())
def by_symbol(run: Run, curves: Curves) -> dict[str, Any]:
    """Rows of a table, one for each symbol, and the correlation of their returns."""
    trades = columns_of(run)
    close = np.column_stack([_close(run, symbol, curves.times) for symbol in run.symbols])
    weights = np.column_stack(
        [_weights(trades, symbol, curves, close[:, place]) for place, symbol in enumerate(run.symbols)]
    )
    rows = [
        _row(run, trades, symbol, weights[:, place], close[:, place])
        for place, symbol in enumerate(run.symbols)
    ]
    return {"rows": rows, "shapes": _shapes(weights), "correlation": correlation(close)}


def shares(trades: TradeColumns, symbol: str, times: Times) -> Floats:
    """Signed shares of a symbol at the close of each bar, (T,): a trade is held from its entry to before its exit."""
    rows = np.flatnonzero(trades.of(symbol))
    opened, closed = (
        np.searchsorted(times, column[rows]) for column in (trades.entry_time, trades.exit_time)
    )
    signed = trades.size[rows] * np.where(trades.is_long[rows], 1.0, -1.0)
    held = _running(len(times), opened, closed, np.ones(len(rows)))
    return np.where(held > 0, _running(len(times), opened, closed, signed), 0.0)


def _running(bars: int, opened: NDArray[np.intp], closed: NDArray[np.intp], amounts: Floats) -> Floats:
    """The sum of the amounts between their bars."""
    change = np.zeros(bars + 1)
    np.add.at(change, opened, amounts)
    np.add.at(change, closed, -amounts)
    return np.cumsum(change)[:-1]


def correlation(close: Floats) -> list[list[float | None]]:
    """Correlation of the returns of each pair of columns; None where one does not vary."""
    returns = close[1:] / close[:-1] - 1
    if len(returns) < 2:
        return [[None] * close.shape[1] for _ in range(close.shape[1])]
    centred = returns - returns.mean(axis=0)
    deviation = np.sqrt((centred**2).sum(axis=0))
    with np.errstate(all="ignore"):
        matrix = centred.T @ centred / np.outer(deviation, deviation)
    return [[float(value) if np.isfinite(value) else None for value in row] for row in matrix]


def _close(run: Run, symbol: str, times: Times) -> Floats:
    known, values = closes((run.data_hashes or {})[symbol])
    return values[np.searchsorted(known, times)]


def _weights(trades: TradeColumns, symbol: str, curves: Curves, close: Floats) -> Floats:
    """Value of the symbol's position as a fraction of equity at each close; 0 where equity is gone."""
    equity = curves.by_name["equity"]
    value = shares(trades, symbol, curves.times) * close
    return np.divide(value, equity, out=np.zeros(len(value)), where=equity > 0)


def _row(run: Run, trades: TradeColumns, symbol: str, weights: Floats, close: Floats) -> dict[str, Any]:
    pnl = trades.pnl[trades.of(symbol)]
    held = weights != 0
    return {
        "symbol": symbol,
        "trades": len(pnl),
        "win_rate": float((pnl > 0).mean()) if len(pnl) else None,
        "pnl": float(pnl.sum()),
        "contribution": float(pnl.sum()) / run.initial_capital,
        "held": float(held.mean()),
        "average_weight": float(weights[held].mean()) if held.any() else None,
        "largest_weight": float(weights[np.abs(weights).argmax()]),
        "price_return": float(close[-1] / close[0] - 1),
    }


def _shapes(weights: Floats) -> dict[str, Any]:
    """The weight of each symbol over time as the outline of an area, all on one scale."""
    edges = np.unique(np.linspace(0, len(weights), min(_BUCKETS, len(weights)) + 1).astype(np.intp))
    means = np.add.reduceat(weights, edges[:-1], axis=0) / np.diff(edges)[:, None]
    low, high = min(0.0, float(means.min())), max(float(means.max()), 0.0)
    span = (high - low) or 1.0
    zero = _HEIGHT * high / span
    return {
        "zero": round(zero, 1),
        "low": low,
        "high": high,
        "paths": [_area(_HEIGHT * (high - means[:, place]) / span, zero) for place in range(means.shape[1])],
    }


def _area(heights: Floats, zero: float) -> str:
    """Steps from the axis and back to it."""
    step = _WIDTH / len(heights)
    steps = "".join(
        f"V{height:.1f}H{(place + 1) * step:.1f}" for place, height in enumerate(heights.tolist())
    )
    return f"M0,{zero:.1f}{steps}V{zero:.1f}Z"
