"""The plan step in a pod: registers the study and says which of its chunks this workflow executes, in how many pods.

It executes no code of rule packages, for it holds the account that writes: a rule of theirs is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from backtest.errors import BacktestError, InvalidRequest
from backtest.prices.dataset import Dataset
from backtest.rules.packages.described import RuleNotLoaded
from backtest.studies.execution.estimate import estimate
from backtest.studies.plan import Plan, work
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import StoreError
from store.models import Study
from store.queries import datasets
from store.queries.studies import chunks, studies, workflow_links
from store.session import Database
from workflows import retry
from workflows.cluster import failure_messages, failure_report, pod_memory
from workflows.cluster.registration import WorkflowSubmission, add_arguments, submission_of
from workflows.cluster.studies import registration
from workflows.cluster.studies.assignment import Assignment
from workflows.errors import RunDiffers
from workflows.failures import Failure, snake_case
from workflows.steps import step
from workflows.steps.database import open_once
from workflows.studies import finish_step, sharing, submission

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Register the study, and write what is to do and the numbers of the pods as JSON."""
    parser = step.parser("plan", __doc__, bundle="where the assignment goes")
    add_arguments(parser)
    parser.add_argument("--pods", required=True, type=Path, metavar="FILE", help="where the pods' numbers go")
    parser.add_argument("--count", required=True, type=Path, metavar="FILE", help="where their count goes")
    arguments = parser.parse_args(argv)
    submitted = submission_of(arguments)

    def failed(error: Exception) -> int:
        return _failed(error, submitted, arguments.bundle.parent)

    return retry.while_unavailable(
        lambda: step.run(
            "plan", arguments.run_id, lambda settings: _run(settings, arguments, submitted), on_error=failed
        )
    )


def _run(settings: Settings, arguments: argparse.Namespace, submitted: WorkflowSubmission) -> int:
    pod_memory.limit(os.environ)
    database = open_once(settings.database_url)
    try:
        if registration.register(settings, database, submitted, now=datetime.now(UTC)):
            log.info("study of the Argo UI registered")
    except InvalidRequest as invalid:
        with database.write() as session:
            registration.refuse(session, submitted, str(invalid), now=datetime.now(UTC))
        raise
    assigned = assign(database, submitted.run_id, settings.study_pod_seconds)
    with database.write() as session:
        workflow_links.share(session, submitted.run_id, assigned.pods)
    assigned.write(arguments.bundle)
    numbers = list(range(assigned.pods)) if assigned.fans_out else []
    arguments.pods.write_text(json.dumps(numbers), encoding="ascii")
    arguments.count.write_text(str(assigned.pods), encoding="ascii")
    log.info("study planned", chunks=len(assigned.numbers), pods=assigned.pods, is_last=assigned.is_last)
    return Exit.OK


def assign(database: Database, study_id: str, seconds_a_pod: float) -> Assignment:
    """What the next workflow of a study executes: what is missing, as much as one workflow is for."""
    with database.read() as session:
        planned, study = studies.plan_of(session, study_id), studies.get(session, study_id)
        settled = chunks.settled(session, study_id)
        missing = [number for number in range(study.chunks) if number not in settled]
        prices = {symbol: datasets.load(session, name) for symbol, name in study.data_hashes.items()}
    seconds = _seconds(planned, prices, study) * len(missing) / study.chunks
    wanted = sharing.pods_of(seconds, len(missing), seconds_a_pod=seconds_a_pod)
    numbers, pods = sharing.part_of(missing, wanted)
    is_last = len(numbers) == len(missing)
    with database.read() as session:
        return Assignment(
            study_id=study_id,
            planned=planned,
            data_hashes=study.data_hashes,
            chunks=study.chunks,
            numbers=tuple(numbers),
            pods=pods,
            windows=submission.windows_of(study.bars, planned.request),
            is_last=is_last,
            before=finish_step.tried_before(session, study, planned) if is_last else {},
            known=chunks.payloads(session, study_id) if is_last else (),
        )


def _seconds(planned: Plan, prices: Mapping[str, Dataset], study: Study) -> float:
    """How long one processor takes for all trials, from some that are timed; of a rule that is not here by its bars."""
    try:
        return estimate(planned, prices).seconds
    except RuleNotLoaded:
        return work(planned, study.bars) * submission.SECONDS_A_BAR


def _failed(error: Exception, submitted: WorkflowSubmission, folder: Path) -> Exit:
    if not isinstance(error, BacktestError | RunDiffers | StoreError):
        return step.crashed(error)
    failure = Failure(snake_case(type(error).__name__), str(error))
    log.error("study cannot be planned", error_code=failure.code, error=failure.message)
    failure_messages.leave(failure)
    failure_report.leave(failure, json.dumps(_listed(submitted)), folder)
    return Exit.BAD_INPUT


def _listed(submitted: WorkflowSubmission) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in submitted.arguments.items()]


if __name__ == "__main__":
    sys.exit(main())
