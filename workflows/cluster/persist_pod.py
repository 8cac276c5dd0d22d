"""The persist step in a pod: makes sure that the run has a row, then stores its result."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backtest.errors import BacktestError
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from workflows import retry
from workflows.cluster import parameters, registration
from workflows.steps import persist, step
from workflows.steps.database import open_once

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Register a run of the Argo UI that has no row yet, and store what the engine step computed."""
    arguments = _arguments(argv)
    return retry.while_unavailable(
        lambda: step.run(
            "persist", arguments.run_id, lambda settings: _run(settings, arguments), on_error=_failed
        )
    )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflows.steps.keep", description=__doc__)
    parser.add_argument("--run-id", required=True, metavar="UUID")
    parser.add_argument(
        "--bundle", required=True, type=Path, metavar="DIR", help="what the engine step wrote"
    )
    parser.add_argument("--workflow-name", required=True)
    parser.add_argument("--workflow-uid", required=True)
    return parser.parse_args(argv)


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    submission = registration.WorkflowSubmission(
        run_id=arguments.run_id,
        arguments=parameters.from_json(os.environ["PARAMETERS"]),
        workflow_name=arguments.workflow_name,
        workflow_uid=arguments.workflow_uid,
    )
    with open_once(settings.database_url).write() as session:
        if registration.register(session, submission, now=datetime.now(UTC)):
            log.info("run of the Argo UI registered")
    return persist.store(settings, arguments.run_id, arguments.bundle)


def _failed(error: Exception) -> Exit:
    if isinstance(error, BacktestError):
        log.error("run cannot be registered", error=str(error))
        return Exit.BAD_INPUT
    return persist.failed(error)


if __name__ == "__main__":
    sys.exit(main())
