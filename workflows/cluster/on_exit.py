"""The exit handler of a workflow: a run that did not succeed is FAILED, with the reason."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from backtest.errors import BacktestError
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.queries import runs
from store.session import Database
from workflows.cluster import failure_messages, registration
from workflows.failures import Failure
from workflows.steps import step
from workflows.steps.database import open_once

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Store why the workflow failed; a run that has ended, or is another workflow's, stays as it is."""
    parser = step.parser("record", __doc__)
    registration.add_arguments(parser)
    arguments = parser.parse_args(argv)
    return step.run("record", arguments.run_id, lambda settings: _run(settings, arguments), on_error=_failed)


def _run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    pods = failure_messages.failed_pods(os.environ["FAILURES"])
    failure = failure_messages.failure_of(pods, os.environ.get("STATUS", ""))
    submission = registration.submission_of(arguments)
    stored = _store(open_once(settings.database_url), submission, failure)
    log.warning(
        "run FAILED" if stored else "run has ended already, or another workflow executes it",
        error_code=failure.code,
        error=failure.message,
    )
    return Exit.OK


def _store(database: Database, submission: registration.WorkflowSubmission, failure: Failure) -> bool:
    run_id, now = submission.run_id, datetime.now(UTC)
    with database.write() as session:
        registration.register(session, submission, now=now)
    with database.write() as session:
        is_own = runs.get(session, run_id).workflow_uid == submission.workflow_uid
        return is_own and runs.fail(session, run_id, code=failure.code, message=failure.message, now=now)


def _failed(error: Exception) -> Exit:
    if isinstance(error, BacktestError):  # arguments, from the Argo UI, that no row can hold
        log.error("run is not valid and cannot be shown in the web", error=str(error))
        return Exit.OK
    return step.crashed(error)


if __name__ == "__main__":
    sys.exit(main())
