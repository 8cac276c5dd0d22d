"""Where the engine step gets its request and prices from: the record, or files that came along."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from backtest.engine import ENGINE_VERSION
from backtest.errors import FieldError, InvalidRequest
from backtest.prices.dataset import Dataset
from backtest.run.request import RunRequest
from store.queries import datasets, runs
from store.session import Database
from workflows import failpoints

_REPORT_EVERY_SECONDS = 0.5
_SUFFIX = ".dataset"


@dataclass(frozen=True, slots=True)
class Work:
    """What the engine step computes: a request, and the datasets of its symbols and benchmark."""

    request: RunRequest
    datasets: Mapping[str, Dataset]


class Source(Protocol):
    """Hands out the work of one run."""

    def begin(self) -> Work | None:
        """Mark the run as begun and give its work; None where the run has ended already."""

    def report(self, stage: str, fraction: float) -> None:
        """Tell how far the run is."""


class RecordSource:
    """The run's row and the prices that it is pinned to, from the database."""

    def __init__(self, database: Database, run_id: str) -> None:
        self._database, self._run_id = database, run_id
        self._reported = time.monotonic()

    def begin(self) -> Work | None:
        """PENDING → RUNNING, and what to compute."""
        with self._database.write() as session:
            run = runs.get(session, self._run_id)
            if not runs.start(session, self._run_id, engine_version=ENGINE_VERSION, now=datetime.now(UTC)):
                return None
            request, hashes = runs.request_of(run), run.data_hashes or {}
            failpoints.reach("start-written")
        failpoints.reach("start-committed")
        with self._database.read() as session:
            return Work(request, {symbol: datasets.load(session, name) for symbol, name in hashes.items()})

    def report(self, stage: str, fraction: float) -> None:
        """Write the stage into the row, seldom enough to cost a short run nothing."""
        if time.monotonic() - self._reported < _REPORT_EVERY_SECONDS:
            return
        self._reported = time.monotonic()
        with self._database.write() as session:
            runs.report(session, self._run_id, stage=stage[:16], progress=fraction)


class FileSource:
    """A request as JSON and prices as encoded datasets, for a process that may not see the database."""

    def __init__(self, request: Path, prices: Path, run_id: str) -> None:
        self._request, self._prices, self._run_id = request, prices, run_id

    def begin(self) -> Work:
        """Read the files; `InvalidRequest` names a field that does not fit."""
        received = json.loads(self._request.read_text(encoding="utf-8"))
        if not isinstance(received, dict):
            raise InvalidRequest([FieldError("", "the request must be a JSON object", received)])
        request = RunRequest.parse(received | {"run_id": self._run_id})
        found = [Dataset.decode(path.read_bytes()) for path in sorted(self._prices.glob(f"*{_SUFFIX}"))]
        return Work(request, {dataset.symbol: dataset for dataset in found})

    def report(self, stage: str, fraction: float) -> None:
        """Nobody to tell."""


def write_files(work: Work, request: Path, prices: Path) -> None:
    """Write work such that `FileSource` gives the same again."""
    request.write_text(json.dumps(work.request.as_json()), encoding="utf-8")
    prices.mkdir(parents=True, exist_ok=True)
    for dataset in work.datasets.values():
        (prices / f"{dataset.data_hash}{_SUFFIX}").write_bytes(dataset.encode())
