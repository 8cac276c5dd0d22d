"""A run's stored curves, decoded once a process for the runs that are being looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Condition

from cachetools import LRUCache, cached
from sqlalchemy.orm import Session

from backtest.run import result_tables
from store.errors import UnknownRun
from store.models import Result, Run
from store.queries import datasets, results, runs
from web.presentation.decimation import Floats, Times
from web.services import database


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Everything that was recorded bar by bar; (T,) arrays on common times."""

    times: Times
    by_name: Mapping[str, Floats]


def require(session: Session, run_id: str) -> Result:
    """The result of a run, or `UnknownRun` where it has none yet."""
    result = results.get(session, run_id)
    if result is None:
        raise UnknownRun(f"run {run_id} has no result yet; GET /status/{run_id} shows its progress")
    return result


def finished_run(run_id: str) -> tuple[Run, Curves]:
    """A run with its curves, or `UnknownRun` where it has none yet."""
    with database().read() as session:
        run = runs.get(session, run_id)
        if run.result_hash is None:
            require(session, run_id)
    return run, curves_of(run_id, str(run.result_hash))


def curves_of(run_id: str, result_hash: str) -> Curves:
    """The curves of a finished run; a result never changes under its hash."""
    return _curves(run_id, result_hash)


@cached(LRUCache(8), condition=Condition())
def _curves(run_id: str, _result_hash: str) -> Curves:
    with database().read() as session:
        return decode(require(session, run_id))


def decode(result: Result) -> Curves:
    """The curves of a stored result."""
    named = {name: results.curve(getattr(result, name)) for name in result_tables.CURVES}
    return Curves(results.times(result.times), named)


@cached(LRUCache(8), condition=Condition())
def closes(data_hash: str) -> tuple[Times, Floats]:
    """Times and closes of a dataset, which never changes under its hash."""
    with database().read() as session:
        bars = datasets.load(session, data_hash).bars
    return bars.times, bars.close[:, 0].copy()
