"""Checks the database: one result for each succeeded run, no orphaned rows, every hash right."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from backtest.errors import BacktestError
from backtest.plural import counted
from backtest.run import result_tables
from store import packing
from store.errors import StoreError
from store.models import OPEN, Result, Run, RunSymbol, Status, StoredDataset, Trade
from store.queries import datasets, results
from store.session import Database

_RESULTS_AT_ONCE = 50


def problems(database: Database) -> Iterator[str]:
    """Every inconsistency, one sentence each; reads only."""
    with database.read() as session:
        yield from _results(session)
        yield from _curves(session)
        yield from _ends(session)
        yield from _trades(session)
        yield from _orphans(session)
        yield from _datasets(session)


def _results(session: Session) -> Iterator[str]:
    joined = select(Run.run_id, Run.status, Run.result_hash, Result.summary).outerjoin(Result)
    succeeded = session.execute(joined.where(Run.status == Status.SUCCEEDED).execution_options(yield_per=500))
    for run_id, _status, result_hash, summary in succeeded:
        if summary is None:
            yield f"run {run_id} is SUCCEEDED and has no result"
        elif summary.get("result_hash") != result_hash:
            yield f"run {run_id} has result hash {result_hash}, its result says {summary.get('result_hash')}"
    extra = select(Run.run_id, Run.status).join(Result).where(Run.status != Status.SUCCEEDED)
    for run_id, status in session.execute(extra):
        yield f"run {run_id} is {status} and has a result"


def _curves(session: Session) -> Iterator[str]:
    columns = [getattr(Result, name) for name in result_tables.CURVES]
    stored = select(Result.run_id, Result.times, *columns).execution_options(yield_per=_RESULTS_AT_ONCE)
    for run_id, times, *curves in session.execute(stored):
        try:
            lengths = {len(results.times(times)), *(len(results.curve(curve)) for curve in curves)}
        except packing.UNPACK_ERRORS as error:
            yield f"the curves of run {run_id} cannot be read: {error}"
            continue
        if len(lengths) != 1:
            yield f"the curves of run {run_id} have different lengths: {sorted(lengths)}"


def _ends(session: Session) -> Iterator[str]:
    silent = and_(Run.status == Status.FAILED, func.coalesce(Run.error_message, "") == "")
    for run_id in session.scalars(select(Run.run_id).where(silent)):
        yield f"run {run_id} is FAILED and has no message"
    for run_id in session.scalars(
        select(Run.run_id).where(Run.status.not_in(OPEN), Run.completed_at.is_(None))
    ):
        yield f"run {run_id} has ended and has no end time"


def _trades(session: Session) -> Iterator[str]:
    per_run = select(Trade.run_id, func.count().label("rows")).group_by(Trade.run_id).subquery()
    stored = func.coalesce(per_run.c.rows, 0)
    joined = select(Run.run_id, Run.num_trades, stored).outerjoin(per_run, per_run.c.run_id == Run.run_id)
    different = and_(Run.status == Status.SUCCEEDED, Run.num_trades != stored)
    for run_id, stated, rows in session.execute(joined.where(different)):
        yield f"run {run_id} states {counted(stated, 'trade')} but has {rows}"


def _orphans(session: Session) -> Iterator[str]:
    """Rows of runs that are missing or have no result; a tool that switches off constraints can leave them."""
    for table in (Result, RunSymbol):
        alone = select(table.run_id).outerjoin(Run, Run.run_id == table.run_id).where(Run.run_id.is_(None))
        for run_id in session.scalars(alone.distinct()):
            yield f"{table.__tablename__} has rows of run {run_id}, which is not there"
    joined = select(Trade.run_id, Run.status).outerjoin(Run, Run.run_id == Trade.run_id).distinct()
    for run_id, status in session.execute(
        joined.where(or_(Run.run_id.is_(None), Run.status != Status.SUCCEEDED))
    ):
        yield f"trades has rows of run {run_id}, which is {status or 'not there'}"


def _datasets(session: Session) -> Iterator[str]:
    for data_hash, symbol in session.execute(select(StoredDataset.data_hash, StoredDataset.symbol)):
        try:
            datasets.load(session, data_hash)
        except (BacktestError, StoreError) as error:
            yield f"dataset {data_hash} of {symbol}: {error}"
