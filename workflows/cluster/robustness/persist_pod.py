"""The persist step of a robustness in a pod: proves the answer and stores it, where this workflow was asked for it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.models import OPEN, Robustness
from store.queries import runs
from store.queries.studies import robustness
from store.session import Database
from workflows import failpoints, retry
from workflows.cluster import failure_messages
from workflows.cluster.robustness import form, stated
from workflows.errors import BundleError, RunDiffers
from workflows.failures import Failure, snake_case
from workflows.steps import step
from workflows.steps.database import open_once

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Store the answer; twice is the same as once, and a run that is gone by now is no mistake."""
    parser = step.parser("keep", __doc__, bundle="the answer of the engine step")
    parser.add_argument("--workflow-name", required=True)
    arguments = parser.parse_args(argv)
    return retry.while_unavailable(
        lambda: step.run(
            "persist", arguments.run_id, lambda settings: _run(settings, arguments), on_error=_failed
        )
    )


def _run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    database, run_id, path = open_once(settings.database_url), arguments.run_id, arguments.bundle
    with database.read() as session:
        asked = _asked(session, run_id, arguments.workflow_name)
        metrics = runs.get(session, run_id).metrics or {} if asked else {}
    if asked is None or not _store(database, asked, stated.read(path, metrics)):
        log.info("robustness is no longer asked for, nothing stored")
    return Exit.OK


def _asked(session: Session, run_id: str, workflow_name: str) -> Robustness | None:
    """The open row that waits for this workflow; None where it is gone, has ended or waits for a later workflow.

    Raises `RunDiffers` where the workflow was started for no row at all.
    """
    asked = robustness.find(session, run_id)
    if asked is not None and form.name_of(run_id, asked.created_at) == workflow_name:
        return asked if asked.status in OPEN else None
    if workflow_name.startswith(form.prefix_of(run_id)):  # the run was deleted, or asked for again
        return None
    raise RunDiffers(
        f"the workflow {workflow_name} was not asked for the robustness of run {run_id}: ask for it on the page of the run"
    )


def _store(database: Database, asked: Robustness, answer: Mapping[str, Any]) -> bool:
    with database.write() as session:
        kept = robustness.succeed_asked(session, asked, answer=answer, now=datetime.now(UTC))
        failpoints.hit("robustness-written")
    if kept:
        log.info("robustness stored")
    return kept


def _failed(error: Exception) -> Exit:
    if isinstance(error, BundleError | RunDiffers):
        log.error("robustness cannot be stored", error=str(error))
        failure_messages.leave(Failure(snake_case(type(error).__name__), str(error)))
        return Exit.BAD_INPUT
    return step.crashed(error)


if __name__ == "__main__":
    sys.exit(main())
