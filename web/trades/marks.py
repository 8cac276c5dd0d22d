"""Where trades begin and end on a price chart: each of them, or how many where they are too many to tell apart."""

from __future__ import annotations

from threading import Condition
from typing import Any, Final

import numpy as np
from cachetools import LRUCache, cached

from backtest.arrays import Flags
from store.models import Run
from store.queries import results
from store.queries.results import TradeColumns
from web.services import database

_BUCKETS: Final = 120


def columns_of(run: Run) -> TradeColumns:
    """What charts need of every trade of a finished run; a result never changes under its hash."""
    return _columns(run.run_id, str(run.result_hash))


@cached(LRUCache(32 << 20, getsizeof=lambda found: found.nbytes), condition=Condition())
def _columns(run_id: str, _result_hash: str) -> TradeColumns:
    with database().read() as session:
        return results.trade_columns(session, run_id)


def marks(
    trades: TradeColumns, symbol: str, first: np.datetime64 | None, last: np.datetime64 | None, most: int
) -> dict[str, Any]:
    """The trades of a symbol that were open at any time of a window; counts where there are more than `most`."""
    inside = trades.of(symbol)
    if first is not None:
        inside &= trades.exit_time >= first
    if last is not None:
        inside &= trades.entry_time <= last
    total = int(inside.sum())
    if total > most:
        return {"trades": [], "total": total, "density": _density(trades, inside, first, last)}
    return {"trades": _each(trades, inside), "total": total, "density": None}


def _each(trades: TradeColumns, inside: Flags) -> list[dict[str, Any]]:
    return [
        {
            "seq": int(trades.seq[row]),
            "side": "long" if trades.is_long[row] else "short",
            "entry": _second(trades.entry_time[row]),
            "exit": _second(trades.exit_time[row]),
            "entry_fill": float(trades.entry_fill[row]),
            "exit_fill": float(trades.exit_fill[row]),
            "pnl": float(trades.pnl[row]),
            "exit_reason": str(trades.exit_reason[row]),
        }
        for row in np.flatnonzero(inside)
    ]


def _density(
    trades: TradeColumns, inside: Flags, first: np.datetime64 | None, last: np.datetime64 | None
) -> dict[str, list[int]]:
    """How many trades ended in each part of the window, won and lost; the last part takes what ended after it."""
    ended = trades.exit_time[inside]
    low = ended.min() if first is None else max(first, ended.min())
    high = ended.max() if last is None else min(last, ended.max())
    edges = np.linspace(_second(low), max(_second(high), _second(low) + 1), _BUCKETS + 1).astype(np.int64)
    won = trades.pnl[inside] > 0
    places = np.clip(np.searchsorted(edges, ended.astype(np.int64), side="right") - 1, 0, _BUCKETS - 1)
    counts = [np.bincount(places[which], minlength=_BUCKETS).tolist() for which in (won, ~won)]
    return {"times": edges.tolist(), "won": counts[0], "lost": counts[1]}


def _second(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64))
