"""The engine step of the local worker: request and prices from the database, a result bundle out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from backtest import rules
from backtest.engine import ENGINE_VERSION
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.queries import datasets, runs
from store.session import Database
from workflows import failpoints
from workflows.failures import Failure
from workflows.steps import bundle, step, work
from workflows.steps.database import open_once
from workflows.steps.work import Work

_REPORT_EVERY_SECONDS = 0.5
_ARGUMENTS = step.parser("engine", __doc__, bundle="where the result goes")
log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Compute the run and write its bundle; a failure leaves a bundle that says why."""
    rules.allow_installed()
    arguments = _ARGUMENTS.parse_args(argv)
    run_id, folder = arguments.run_id, arguments.bundle

    def run(settings: Settings) -> int:
        return _run(open_once(settings.database_url), run_id, folder)

    def failed(error: Exception) -> int:
        return work.failed(error, lambda failure: _write_failure(folder, run_id, failure))

    return step.run("engine", run_id, run, on_error=failed)


def _run(database: Database, run_id: str, folder: Path) -> int:
    failpoints.hit("engine-begun")
    due = _begin(database, run_id)
    if due is None:
        log.info("run has ended already, nothing to do")
        return Exit.OK
    failpoints.hit("prices-loaded")
    return work.compute(due, folder, on_progress=_ProgressReport(database, run_id))


def _begin(database: Database, run_id: str) -> Work | None:
    """PENDING → RUNNING, and what to compute; None where the run has ended already."""
    with database.write() as session:
        run = runs.get(session, run_id)
        if not runs.start(session, run_id, engine_version=ENGINE_VERSION, now=datetime.now(UTC)):
            return None
        request, hashes = runs.request_of(run), run.data_hashes or {}
        failpoints.hit("start-written")
    failpoints.hit("start-committed")
    with database.read() as session:
        return Work(request, {symbol: datasets.load(session, name) for symbol, name in hashes.items()})


@dataclass(slots=True)
class _ProgressReport:
    """Writes the stage into the row, seldom enough to cost a short run nothing."""

    database: Database
    run_id: str
    reported: float = field(default_factory=time.monotonic)

    def __call__(self, stage: str, fraction: float) -> None:
        if time.monotonic() - self.reported < _REPORT_EVERY_SECONDS:
            return
        self.reported = time.monotonic()
        with self.database.write() as session:
            runs.report(session, self.run_id, stage=stage[:16], progress=fraction)


def _write_failure(folder: Path, run_id: str, failure: Failure) -> None:
    content = {"error_code": failure.code, "error_message": failure.message}
    try:
        bundle.write(folder, run_id, {bundle.ERROR: json.dumps(content, ensure_ascii=False).encode()})
    except OSError:
        log.exception("failure could not be written")


if __name__ == "__main__":
    sys.exit(main())
