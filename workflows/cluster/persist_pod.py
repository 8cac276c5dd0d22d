"""The persist step in a pod: makes sure that the run has a row, then stores its result."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backtest.errors import BacktestError
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.queries import runs
from workflows import retry
from workflows.cluster import failure_messages, figures, registration
from workflows.errors import RunDiffers
from workflows.failures import Failure, snake_case
from workflows.steps import persist, step
from workflows.steps.database import open_once

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Register a run of the Argo UI that has no row yet, and store what the engine step computed."""
    parser = step.parser("keep", __doc__, bundle="what the engine step wrote")
    registration.add_arguments(parser)
    parser.add_argument("--figures", type=Path, metavar="DIR", help="where the figures go that Argo shows")
    arguments = parser.parse_args(argv)
    return retry.while_unavailable(
        lambda: step.run(
            "persist", arguments.run_id, lambda settings: _run(settings, arguments), on_error=_failed
        )
    )


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    submission = registration.submission_of(arguments)
    with open_once(settings.database_url).write() as session:
        if registration.register(session, submission, now=datetime.now(UTC)):
            log.info("run of the Argo UI registered")
    workflow = persist.Workflow(submission.workflow_name, submission.workflow_uid)
    code = persist.store(settings, arguments.run_id, arguments.bundle, workflow=workflow)
    if arguments.figures is not None:
        with open_once(settings.database_url).read() as session:
            figures.leave(arguments.figures, runs.get(session, arguments.run_id).metrics or {})
    return code


def _failed(error: Exception) -> Exit:
    if isinstance(error, BacktestError | RunDiffers):
        log.error("run cannot be registered or ended", error=str(error))
        failure_messages.leave(Failure(snake_case(type(error).__name__), str(error)))
        return Exit.BAD_INPUT
    return persist.failed(error)


if __name__ == "__main__":
    sys.exit(main())
