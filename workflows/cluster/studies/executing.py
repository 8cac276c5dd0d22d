"""Executes the chunks of one pod: in as many processes as the pod has processors, one chunk each at a time."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

from backtest.errors import BacktestError
from backtest.prices.dataset import Dataset
from backtest.studies.chunk import Chunk
from backtest.studies.compute import compute_chunk
from backtest.studies.execution.processors import available
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.queries import datasets
from store.session import Database
from workflows import failpoints
from workflows.cluster import failure_messages, pod_memory
from workflows.cluster.studies import assignment
from workflows.cluster.studies.assignment import Assignment
from workflows.cluster.studies.parts import PartWriter
from workflows.failures import Failure, snake_case
from workflows.steps import step, work

log = logs.get(__name__)


def run(name: str, arguments: argparse.Namespace, do: Callable[[Settings, Assignment], None]) -> int:
    """Run a step that executes trials within the memory of its pod; a failure leaves a termination message."""

    def assigned(settings: Settings) -> int:
        pod_memory.limit(os.environ)
        do(settings, assignment.read(arguments.bundle, arguments.run_id))
        return Exit.OK

    return step.run(
        name, arguments.run_id, assigned, on_error=lambda error: work.failed(error, failure_messages.leave)
    )


def prices_of(settings: Settings, assigned: Assignment) -> dict[str, Dataset]:
    """The prices that the study is pinned to; no connection is left open while they are computed on."""
    with closing(Database.open(settings.database_url, pool_size=1)) as database, database.read() as session:
        return {symbol: datasets.load(session, name) for symbol, name in assigned.data_hashes.items()}


def write_part(assigned: Assignment, prices: Mapping[str, Dataset], pod: int, path: Path) -> None:
    """Execute the chunks of this pod and write them as its part."""
    failpoints.hit("chunk-begun")
    numbers = assigned.share(pod)
    with PartWriter(path) as part:
        for number, found in zip(numbers, _executed(assigned, prices, numbers), strict=True):
            part.add(number, found)
            failpoints.hit("chunk-computed")
    log.info("chunks computed", pod=pod, chunks=len(numbers))


def _executed(
    assigned: Assignment, prices: Mapping[str, Dataset], numbers: Sequence[int]
) -> Iterator[Chunk | Failure]:
    work = _Work(assigned, prices)
    processors = min(available(), len(numbers))
    if processors < 2:
        yield from map(work.execute, numbers)
        return
    work.hold()
    try:
        with ProcessPoolExecutor(processors, mp_context=get_context("fork")) as pool:
            yield from pool.map(_Work.execute_held, numbers)
    except BrokenProcessPool as broken:  # most likely by the kernel, which kills what uses most memory
        raise MemoryError("a process of the pod was killed") from broken


class _Work:
    """What a process needs to execute a chunk: forked ones find it where it was held before the fork."""

    _held: _Work

    def __init__(self, assigned: Assignment, prices: Mapping[str, Dataset]) -> None:
        self._assigned, self._prices = assigned, prices

    def hold(self) -> None:
        """Have the processes that are forked from now on execute chunks of this."""
        _Work._held = self

    @staticmethod
    def execute_held(number: int) -> Chunk | Failure:
        """A chunk of what was held."""
        return _Work._held.execute(number)

    def execute(self, number: int) -> Chunk | Failure:
        """The chunk, or why its trials cannot be executed."""
        planned, count = self._assigned.planned, self._assigned.chunks
        try:
            return compute_chunk(planned.request, self._prices, number, count, planned=planned)
        except BacktestError as error:
            log.warning("chunk cannot be computed", number=number, error=str(error))
            return Failure(snake_case(type(error).__name__), logs.redacted(str(error)))
