"""The engine step in a pod: request from the workflow's arguments, prices read-only, the failure for Argo."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy.orm import Session

from backtest import rules
from backtest.run.request import RunRequest
from config.settings import Settings
from store.queries import datasets
from store.session import Database
from workflows import limits, submission
from workflows.cluster import failure_messages, failure_report, parameters, pod_memory
from workflows.failures import Failure
from workflows.steps import step, work
from workflows.steps.work import Work


def main(argv: Sequence[str] | None = None) -> int:
    """Compute the run that the workflow's arguments describe; a failure leaves a termination message."""
    rules.allow_installed()
    arguments = step.parser("compute", __doc__, bundle="where the result goes").parse_args(argv)
    return step.run(
        "engine",
        arguments.run_id,
        lambda settings: _run(settings, arguments.run_id, arguments.bundle),
        on_error=lambda error: work.failed(error, lambda failure: _leave(failure, arguments.bundle.parent)),
    )


def _leave(failure: Failure, folder: Path) -> None:
    """The failure for the dispatcher and the list of the Argo UI, and as a page for its workflow."""
    failure_messages.leave(failure)
    failure_report.leave(failure, os.environ.get("PARAMETERS", "[]"), folder)


def _run(settings: Settings, run_id: str, folder: Path) -> int:
    pod_memory.limit(os.environ)
    raw, hashes = parameters.read(parameters.from_json(os.environ["PARAMETERS"]), run_id)
    request = limits.read(raw, settings.limits)
    return work.compute(load(settings, request, hashes), folder)


def load(settings: Settings, request: RunRequest, hashes: Mapping[str, str]) -> Work:
    """The request with its prices, decoded once; no connection is left open while they are computed on."""
    with closing(Database.open(settings.database_url, pool_size=1)) as database, database.read() as session:
        request = submission.spelled(session, request)
        pinned = hashes or _current(session, request)
        limits.check_bars(datasets.described(session, pinned.values()), settings.limits)
        return Work(request, {symbol: datasets.load(session, name) for symbol, name in pinned.items()})


def _current(session: Session, request: RunRequest) -> Mapping[str, str]:
    """A run that was submitted in the Argo UI is pinned to no prices: it takes the current ones."""
    return {
        symbol: stored.data_hash for symbol, stored in submission.current_prices(session, request).items()
    }


if __name__ == "__main__":
    sys.exit(main())
