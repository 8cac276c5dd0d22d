"""Results: the summary, the curves as compressed columns, the trades as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from backtest.run.result_tables import CURVES, TRADE_COLUMNS
from store import packing
from store.models import Result, Trade
from store.queries import runs
from store.queries.studies import ledger

NEEDED = ("metrics", "result_hash", "engine_version", "data_hash", "data_hashes")
"""The keys of a summary that the run's row needs."""
COLUMNS = ("times", *CURVES)
"""The compressed columns of a result."""
_HEADLINES = ("total_return", "sharpe_ratio", "max_drawdown", "num_trades")
_ROWS_AT_ONCE = 5_000

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The result of a run: a summary, (T,) curves on common times, and its trades in order.

    `curves` holds every name of `CURVES`; each trade is a mapping of `TRADE_COLUMNS`.
    """

    summary: Mapping[str, Any]
    times: Times
    curves: Mapping[str, Floats]
    trades: Sequence[Mapping[str, Any]]


def succeed(session: Session, run_id: str, result: RunResult, *, now: datetime) -> bool:
    """Store the result and SUCCEEDED together; false, and nothing stored, where the run is not RUNNING."""
    metrics = result.summary["metrics"]
    stored = runs.succeed(
        session,
        run_id,
        now=now,
        **{name: result.summary[name] for name in NEEDED},
        **{name: metrics.get(name) for name in _HEADLINES},
    )
    if stored:
        _add(session, run_id, result)
        ledger.record_run(session, runs.get(session, run_id), result.summary, now=now)
    return stored


def get(session: Session, run_id: str) -> Result | None:
    """The result of a run, whose columns are read when they are asked for; None while there is none."""
    return session.get(Result, run_id)


def column(session: Session, run_id: str, name: str) -> bytes | None:
    """The stored column of one of `COLUMNS`, compressed; None where the run has no result."""
    if name not in COLUMNS:
        raise KeyError(name)
    stored: bytes | None = session.scalar(select(getattr(Result, name)).where(Result.run_id == run_id))
    return stored


def curve(stored: bytes) -> Floats:
    """One stored curve as a (T,) array."""
    return np.frombuffer(packing.unpack(stored), "<f8").astype(np.float64, copy=False)


def times(stored: bytes) -> Times:
    """The stored times of the curves, (T,) datetime64[s]."""
    return np.frombuffer(packing.unpack(stored), "<i8").view("datetime64[s]")


TradeSort = Literal["seq", "entry_time", "exit_time", "pnl", "pnl_pct", "bars_held", "size", "symbol"]


def trades(
    session: Session,
    run_id: str,
    *,
    sort: TradeSort = "seq",
    descending: bool = False,
    where: Mapping[str, str] | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[Trade]:
    """Trades of a run, in order; `where` narrows by symbol, side, exit_reason, or outcome (won, lost)."""
    column: ColumnElement[Any] = getattr(Trade, sort)
    query = select(Trade).where(Trade.run_id == run_id, *_conditions(where))
    if sort == "seq" and not descending and not _conditions(where):
        # seq has no gaps: the index finds the first row, where OFFSET would read all before it
        query, offset = query.where(Trade.seq >= offset), 0
    order = (column.desc(), Trade.seq.desc()) if descending else (column.asc(), Trade.seq.asc())
    return session.scalars(query.order_by(*order).offset(offset).limit(limit)).all()


def trade(session: Session, run_id: str, seq: int) -> Trade | None:
    """One trade of a run, or None where it has none of that number."""
    return session.get(Trade, (run_id, seq))


def count_trades(session: Session, run_id: str, *, where: Mapping[str, str] | None = None) -> int:
    """How many trades a run has, narrowed as in `trades`."""
    query = select(func.count()).select_from(Trade).where(Trade.run_id == run_id, *_conditions(where))
    return session.scalar(query) or 0


@dataclass(frozen=True, slots=True)
class ClosedPnl:
    """The exit time of each trade, (N,) datetime64[s], and its profit, (N,)."""

    times: Times
    pnl: Floats


def closed_pnl(session: Session, run_id: str) -> ClosedPnl:
    """Exit time and profit of every trade of a run, in order, as two arrays."""
    query = select(Trade.exit_time, Trade.pnl).where(Trade.run_id == run_id).order_by(Trade.seq)
    rows = session.execute(query).all()
    return ClosedPnl(_times(row[0] for row in rows), np.array([row[1] for row in rows], np.float64))


_COLUMNS = (
    "seq", "symbol", "side", "size", "entry_time", "exit_time", "entry_fill", "exit_fill", "pnl", "exit_reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class TradeColumns:
    """Trades in order, (N,) arrays; times are datetime64[s], the names of symbols and reasons texts."""

    seq: NDArray[np.int64]
    symbol: NDArray[np.str_]
    is_long: NDArray[np.bool_]
    size: Floats
    entry_time: Times
    exit_time: Times
    entry_fill: Floats
    exit_fill: Floats
    pnl: Floats
    exit_reason: NDArray[np.str_]

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, more than 0."""
        return 1 + sum(int(getattr(self, name).nbytes) for name in self.__slots__)

    def of(self, symbol: str) -> NDArray[np.bool_]:
        """Which trades are of a symbol; all of them for an empty name."""
        return self.symbol == symbol if symbol else np.ones(len(self.seq), np.bool_)


def trade_columns(session: Session, run_id: str) -> TradeColumns:
    """Every trade of a run as arrays, for what looks at all of them at once."""
    query = select(*(getattr(Trade, name) for name in _COLUMNS)).where(Trade.run_id == run_id)
    rows = session.execute(query.order_by(Trade.seq)).all()
    by_name = dict(zip(_COLUMNS, zip(*rows, strict=True) if rows else [()] * len(_COLUMNS), strict=True))
    texts = {name: np.array(by_name[name], np.str_) for name in ("symbol", "side", "exit_reason")}
    numbers = {
        name: np.array(by_name[name], np.float64) for name in ("size", "entry_fill", "exit_fill", "pnl")
    }
    return TradeColumns(
        seq=np.array(by_name["seq"], np.int64),
        symbol=texts["symbol"],
        is_long=texts["side"] == "long",
        entry_time=_times(by_name["entry_time"]),
        exit_time=_times(by_name["exit_time"]),
        exit_reason=texts["exit_reason"],
        **numbers,
    )


def _times(moments: Iterable[datetime]) -> Times:
    return np.array([moment.replace(tzinfo=None) for moment in moments], "datetime64[s]")


def _conditions(where: Mapping[str, str] | None) -> list[ColumnElement[bool]]:
    given = {name: value for name, value in (where or {}).items() if value}
    conditions = [
        getattr(Trade, name) == given[name] for name in ("symbol", "side", "exit_reason") if name in given
    ]
    if "outcome" in given:
        conditions.append(Trade.pnl > 0 if given["outcome"] == "won" else Trade.pnl <= 0)
    return conditions


def _add(session: Session, run_id: str, result: RunResult) -> None:
    columns = {name: _pack(result.curves[name].astype("<f8")) for name in CURVES}
    packed_times = _pack(result.times.astype("datetime64[s]").astype("<i8"))
    session.add(Result(run_id=run_id, summary=dict(result.summary), times=packed_times, **columns))
    session.flush()
    rows = [
        {**{name: trade[name] for name in TRADE_COLUMNS}, "run_id": run_id, "seq": seq}
        for seq, trade in enumerate(result.trades)
    ]
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        session.execute(insert(Trade), rows[first : first + _ROWS_AT_ONCE])


def _pack(column: NDArray[Any]) -> bytes:
    return packing.pack(column.tobytes())
