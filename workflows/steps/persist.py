"""The persist step: a result bundle in, the result and SUCCEEDED stored in one transaction."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from backtest.errors import InvalidRequest
from backtest.run.request import RunRequest
from backtest.run.span import Span, find_span
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import UnknownRun
from store.models import Run, Status
from store.queries import audit, calendars, datasets, results, runs, workflow_links
from store.queries.audit import Action, Actor
from store.queries.studies import robustness
from store.session import Database
from workflows import failpoints
from workflows.errors import BundleAltered, BundleContradicted, BundleError, BundleTooLarge, RunDiffers
from workflows.failures import Failure
from workflows.steps import bundle, stated, step, summary, tables
from workflows.steps.database import open_once

_ARGUMENTS = step.parser("persist", __doc__, bundle="what the engine step wrote")
log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Store what the bundle holds; twice is the same as once, and an ended run stays as it is."""
    arguments = _ARGUMENTS.parse_args(argv)
    return step.run(
        "persist",
        arguments.run_id,
        lambda settings: store(settings, arguments.run_id, arguments.bundle),
        on_error=failed,
    )


def failed(error: Exception) -> Exit:
    """Log why nothing was stored; a result that belongs to no run is bad input."""
    if isinstance(error, UnknownRun):
        log.error("result of an unknown run", error=str(error))
        return Exit.BAD_INPUT
    return step.crashed(error)


@dataclass(frozen=True, slots=True)
class Workflow:
    """The workflow that executes a run in a cluster: Argo's Retry may give a FAILED run its result."""

    name: str
    uid: str


def store(settings: Settings, run_id: str, folder: Path, *, workflow: Workflow | None = None) -> Exit:
    """Store the bundle's result, or its failure, unless the run has ended already.

    Raises `RunDiffers` where a workflow has a result for a run that was cancelled.
    """
    database = open_once(settings.database_url)
    failpoints.hit("persist-begun")
    try:
        with database.read() as session:
            run = runs.get(session, run_id)
            if run.ended and not _may_end_again(run, workflow):
                log.info("run has ended already, nothing to do", status=run.status)
                return Exit.OK
            result = result_of(session, run, bundle.read(folder, run_id, most_mib=settings.limits.result_mib))
    except BundleTooLarge as error:
        log.warning("result too large", error_code="result_too_large", error=str(error))
        _store_failure(database, run_id, _too_large(error))
        return Exit.OK
    except BundleError as error:
        log.error("result bundle invalid", error_code="bad_result", error=str(error))
        message = f"The result was not stored: {error}. Submit the run again."
        _store_failure(database, run_id, Failure("bad_result", message))
        return Exit.BAD_INPUT
    if isinstance(result, Failure):
        _store_failure(database, run_id, result)
        return Exit.OK
    failpoints.hit("bundle-proven")
    _store_result(database, run_id, result, workflow, asks=settings.robustness == "every")
    return Exit.OK


def _may_end_again(run: Run, workflow: Workflow | None) -> bool:
    """Whether a workflow that was retried may give the run its result after all."""
    if workflow is not None and run.status == Status.CANCELLED:
        raise RunDiffers(f"run {run.run_id} was cancelled, so that its result is not stored; submit it again")
    return workflow is not None and run.status == Status.FAILED


def _failure_in(files: dict[str, bytes]) -> Failure:
    try:
        return Failure.from_json(bundle.read_json(files, bundle.ERROR))
    except ValueError as error:
        raise BundleAltered(f"{bundle.ERROR} of the result is not readable: {error}") from error


def _too_large(error: BundleTooLarge) -> Failure:
    return Failure(
        "result_too_large",
        f"The result was not stored: {error}. Shorten the range, use fewer symbols or a rule that "
        "trades less, or ask the operator to raise the limit.",
    )


def result_of(session: Session, run: Run, files: dict[str, bytes]) -> results.RunResult | Failure:
    """The result in a bundle, proven to be of its tables and of the pinned prices; or the failure that it holds.

    Raises `BundleError` where the bundle is wrong; any other error is a mistake of ours, or the database's.
    """
    if bundle.ERROR in files:
        return _failure_in(files)
    stated_summary, request = summary.read(files), runs.request_of(run)
    span = _span(session, run, request, stated_summary)
    read = tables.from_parquet(
        bundle.file(files, bundle.TRADES), bundle.file(files, bundle.CURVES), bars=len(span.times)
    )
    stated.check(request, span, stated_summary, read)
    return tables.to_result(stated_summary, read)


def _span(session: Session, run: Run, request: RunRequest, stated_summary: Mapping[str, Any]) -> Span:
    """What the run trades on its pinned prices, or else on those that the bundle names; no price is decoded."""
    pinned = run.data_hashes or _named(request, stated_summary)
    found = calendars.of(session, datasets.described(session, list(pinned.values())))
    try:
        return find_span(request, found)
    except InvalidRequest as error:
        if run.data_hashes:
            raise
        raise BundleContradicted(f"data_hashes are of other prices: {error}") from error


def _named(request: RunRequest, stated_summary: Mapping[str, Any]) -> dict[str, str]:
    hashes = stated_summary.get("data_hashes")
    if not isinstance(hashes, dict) or hashes.keys() != request.read_symbols:
        raise BundleContradicted("data_hashes are not of the symbols of the run")
    if not all(isinstance(each, str) for each in hashes.values()):
        raise BundleContradicted("data_hashes are no hashes")
    return hashes


def _store_result(
    database: Database, run_id: str, result: results.RunResult, workflow: Workflow | None, *, asks: bool
) -> None:
    """The result, and where the local worker computes it the question what of it survives, which is answered later."""
    now = datetime.now(UTC)
    with database.write() as session:
        stored = results.succeed(session, run_id, result, now=now)
        if not stored and _is_made_running(session, run_id, result, workflow, now):
            stored = results.succeed(session, run_id, result, now=now)
        if stored and asks and workflow is None:
            robustness.ask_first(session, run_id, now=now)
        failpoints.hit("result-written")
    failpoints.hit("result-committed")
    log.info("run SUCCEEDED" if stored else "run has ended already, nothing stored")


def _is_made_running(
    session: Session, run_id: str, result: results.RunResult, workflow: Workflow | None, now: datetime
) -> bool:
    """Whether the run may have its result although it is not RUNNING, and is so from here on."""
    status = runs.get(session, run_id).status
    if status == Status.PENDING:  # its engine pod may not write into runs
        return runs.start(session, run_id, engine_version=result.summary["engine_version"], now=now)
    return status == Status.FAILED and workflow is not None and _is_reopened(session, run_id, workflow, now)


def _is_reopened(session: Session, run_id: str, workflow: Workflow, now: datetime) -> bool:
    """FAILED → RUNNING within the transaction that stores the result; the error goes to the audit trail."""
    error = workflow_links.reopen(session, run_id, workflow.name, workflow.uid, now=now)
    if error is not None:
        actor = Actor("argo", workflow.name)
        audit.record(session, actor, Action.RUN_RETRY, run_id, now=now, failed_before=error)
    return error is not None


def _store_failure(database: Database, run_id: str, failure: Failure) -> None:
    with database.write() as session:
        stored = runs.fail(session, run_id, code=failure.code, message=failure.message, now=datetime.now(UTC))
        failpoints.hit("refusal-written")
    failpoints.hit("refusal-committed")
    log.warning(
        "run FAILED" if stored else "run has ended already",
        error_code=failure.code,
        error_message=failure.message,
    )


if __name__ == "__main__":
    sys.exit(main())
