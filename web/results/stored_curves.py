"""A run's stored curves, each decoded once a process for the runs that are being looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Condition

from cachetools import LRUCache, cached
from sqlalchemy.orm import Session

from backtest.run.result_tables import CURVES
from store.errors import UnknownRun
from store.models import Result, Run
from store.queries import datasets, results, runs
from web.presentation.decimation import Floats, Times
from web.services import database


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Everything that was recorded bar by bar; (T,) arrays on common times, by the names of `CURVES`."""

    times: Times
    by_name: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class _Stored(Mapping[str, Floats]):
    """The curves of a finished run, each read and decoded when it is asked for: no page shows all of them."""

    run_id: str
    result_hash: str

    def __getitem__(self, name: str) -> Floats:
        if name not in CURVES:
            raise KeyError(name)
        return _curve(self.run_id, self.result_hash, name)

    def __iter__(self) -> Iterator[str]:
        return iter(CURVES)

    def __len__(self) -> int:
        return len(CURVES)


def require(session: Session, run_id: str) -> Result:
    """The result of a run, or `UnknownRun` where it has none yet."""
    result = results.get(session, run_id)
    if result is None:
        raise _no_result(run_id)
    return result


def _no_result(run_id: str) -> UnknownRun:
    """That a run has no result, or none any more."""
    return UnknownRun(f"run {run_id} has no result yet; GET /status/{run_id} shows its progress")


def finished_run(run_id: str) -> tuple[Run, Curves]:
    """A run with its curves, or `UnknownRun` where it has none yet."""
    with database().read() as session:
        run = runs.get(session, run_id)
        if run.result_hash is None:
            require(session, run_id)
    return run, curves_of(run_id, str(run.result_hash))


def curves_of(run_id: str, result_hash: str) -> Curves:
    """The curves of a finished run; a result never changes under its hash."""
    return Curves(_times(run_id, result_hash), _Stored(run_id, result_hash))


@cached(LRUCache(8), condition=Condition())
def _times(run_id: str, _result_hash: str) -> Times:
    return results.times(_column(run_id, "times"))


@cached(LRUCache(8 * len(CURVES)), condition=Condition())
def _curve(run_id: str, _result_hash: str, name: str) -> Floats:
    return results.curve(_column(run_id, name))


def _column(run_id: str, name: str) -> bytes:
    with database().read() as session:
        stored = results.column(session, run_id, name)
    if stored is None:
        raise _no_result(run_id)
    return stored


@cached(LRUCache(8), condition=Condition())
def closes(data_hash: str) -> tuple[Times, Floats]:
    """Times and closes of a dataset, which never changes under its hash."""
    with database().read() as session:
        bars = datasets.load(session, data_hash).bars
    return bars.times, bars.close[:, 0].copy()
