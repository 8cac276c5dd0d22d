"""The persist step of a study in a pod: proves each chunk and stores it, then what was found over all of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backtest.studies.chunk import Chunk, join
from backtest.studies.plan import Plan
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.models import OPEN, Study
from store.queries import datasets
from store.queries.studies import chunks, studies, workflow_links
from store.session import Database
from workflows import failpoints, retry
from workflows.cluster import failure_messages, pod_memory
from workflows.cluster.studies import assignment, figures, parts, stated
from workflows.cluster.studies.assignment import Assignment
from workflows.errors import BundleError, RunDiffers
from workflows.failures import Failure, snake_case
from workflows.steps import step
from workflows.steps.database import open_once
from workflows.studies import finish_step

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Store what the other pods left; twice is the same as once, and an ended study stays as it is."""
    parser = step.parser("persist", __doc__, bundle="the assignment")
    parser.add_argument("--workflow-uid", required=True)
    parser.add_argument("--parts", required=True, type=Path, metavar="DIR", help="the chunks of each pod")
    parser.add_argument(
        "--result", required=True, type=Path, metavar="FILE", help="what the judge step found"
    )
    parser.add_argument(
        "--figures", required=True, type=Path, metavar="DIR", help="where what Argo shows goes"
    )
    arguments = parser.parse_args(argv)
    return retry.while_unavailable(
        lambda: step.run(
            "persist", arguments.run_id, lambda settings: _run(settings, arguments), on_error=_failed
        )
    )


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    pod_memory.limit(os.environ)
    database, study_id = open_once(settings.database_url), arguments.run_id
    assigned = assignment.read(arguments.bundle, study_id)
    with database.read() as session:
        study = studies.get(session, study_id)
        planned = studies.plan_of(session, study_id)
    if study.status not in OPEN:
        log.info("study has ended already, nothing to do", status=study.status)
        return Exit.OK
    _store_parts(database, study, planned, assigned, arguments.parts)
    if not assigned.is_last:
        with database.write() as session:
            workflow_links.unlink(session, study_id, arguments.workflow_uid)
        return Exit.OK
    _end(database, study_id, planned, arguments.result)
    with database.read() as session:
        figures.leave(arguments.figures, studies.summary_of(session, study_id))
    return Exit.OK


def _store_parts(database: Database, study: Study, planned: Plan, assigned: Assignment, folder: Path) -> None:
    """Store every chunk that is there, and of the others the reason."""
    for pod in range(assigned.pods):
        delivered = set()
        for number, found in _of_pod(study, planned, assigned, pod, folder / str(pod)):
            _store(database, study.study_id, number, found)
            delivered.add(number)
        with database.read() as session:
            left = set(assigned.share(pod)) - delivered - chunks.settled(session, study.study_id)
        for number in sorted(left):
            _store(database, study.study_id, number, _lost(pod, assigned.pods))


def _of_pod(
    study: Study, planned: Plan, assigned: Assignment, pod: int, path: Path
) -> Iterator[tuple[int, Chunk | Failure]]:
    """What a pod left, proven; behind what is wrong in it nothing of it is stored."""
    if not path.is_file():
        return
    number = -1
    most = parts.most_bytes(planned, study.chunks, windows=assigned.windows)
    try:
        for number, content in parts.read(path, assigned.share(pod), most=most):
            if isinstance(content, Failure):
                yield number, content
            else:
                yield number, parts.checked(content, planned, number, study.chunks, windows=assigned.windows)
    except BundleError as error:
        log.error("part of a pod refused", pod=pod, error_code="bad_result", error=str(error))
        if number >= 0:
            yield number, Failure("bad_result", f"The chunk was not stored: {error}.")


def _store(database: Database, study_id: str, number: int, found: Chunk | Failure) -> None:
    with database.write() as session:
        if isinstance(found, Chunk):
            stored = chunks.store(session, study_id, found)
        else:
            stored = chunks.fail(session, study_id, number, code=found.code, message=found.message)
        failpoints.hit("chunk-written")
    event = "stored" if isinstance(found, Chunk) else "missing"
    log.info(f"chunk {event}" if stored else "chunk was stored before", number=number)


def _lost(pod: int, pods: int) -> Failure:
    return Failure(
        "pod_lost",
        f"Pod {pod + 1} of {pods} left no result after all its attempts: it was deleted, ran out of memory or time, "
        "or its node failed.",
    )


def _end(database: Database, study_id: str, planned: Plan, result: Path) -> None:
    """→ SUCCEEDED with what the judge step found, or FAILED with the reason."""
    with database.read() as session:
        study = studies.get(session, study_id)
        failure = finish_step.too_much_missing(session, study)
    if failure is None:
        found = _result(database, study, planned, result)
        if not isinstance(found, Failure):
            finish_step.succeed(database, study, *found)
            return
        failure = found
    finish_step.fail(database, study_id, failure)


def _result(
    database: Database, study: Study, planned: Plan, path: Path
) -> tuple[dict[str, Any], str] | Failure:
    """The summary and the hash of the study, or why it has none."""
    with database.read() as session:
        found = chunks.payloads(session, study.study_id)
        prices = {symbol: datasets.load(session, name) for symbol, name in study.data_hashes.items()}
    try:
        summary = stated.read(path)
        if isinstance(summary, dict):
            stated.check(summary, planned, prices, found)
    except BundleError as error:
        log.error("result of the study refused", error_code="bad_result", error=str(error))
        return Failure(
            "bad_result", f"The result was not stored: {error}. Finish the study to judge it again."
        )
    if summary is None:
        return Failure(
            "judge_lost",
            "The statistics over all chunks were not computed: their pod was deleted, ran out of memory or time, or "
            "its node failed. Finish the study to compute them; no chunk is executed again.",
        )
    return (
        summary
        if isinstance(summary, Failure)
        else (summary, join(found, planned.rows, planned.trials).digest)
    )


def _failed(error: Exception) -> Exit:
    if isinstance(error, BundleError | RunDiffers):
        log.error("study cannot be stored", error=str(error))
        failure_messages.leave(Failure(snake_case(type(error).__name__), str(error)))
        return Exit.BAD_INPUT
    return step.crashed(error)


if __name__ == "__main__":
    sys.exit(main())
