"""The persist step: a result bundle in, the result and SUCCEEDED stored in one transaction."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import UnknownRun
from store.models import Status
from store.queries import results, runs
from store.session import Database
from workflows import failpoints
from workflows.errors import BundleAltered, BundleError, BundleTooLarge
from workflows.failures import Failure
from workflows.steps import bundle, step, tables
from workflows.steps.database import open_once

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Store what the bundle holds; twice is the same as once, and an ended run stays as it is."""
    arguments = step.parser("persist", __doc__, bundle="what the engine step wrote").parse_args(argv)
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


def store(settings: Settings, run_id: str, folder: Path) -> Exit:
    """Store the bundle's result, or its failure, unless the run has ended already."""
    database = open_once(settings.database_url)
    failpoints.hit("persist-begun")
    with database.read() as session:
        run = runs.get(session, run_id)
        if run.ended:
            log.info("run has ended already, nothing to do", status=run.status)
            return Exit.OK
    try:
        files = bundle.read(folder, run_id, most_mib=settings.limits.result_mib)
        if bundle.ERROR in files:
            _store_failure(database, run_id, _failure_in(files))
            return Exit.OK
        result = _result(files)
    except BundleTooLarge as error:
        log.warning("result too large", error_code="result_too_large", error=str(error))
        _store_failure(database, run_id, _too_large(error))
        return Exit.OK
    except BundleError as error:
        log.error("result bundle invalid", error_code="bad_result", error=str(error))
        message = f"The result was not stored: {error}. Submit the run again."
        _store_failure(database, run_id, Failure("bad_result", message))
        return Exit.BAD_INPUT
    failpoints.hit("bundle-proven")
    _store_result(database, run_id, result)
    return Exit.OK


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


def _result(files: dict[str, bytes]) -> results.RunResult:
    summary = bundle.read_json(files, bundle.SUMMARY)
    if missing := [name for name in results.NEEDED if name not in summary]:
        raise BundleAltered(f"{bundle.SUMMARY} of the result has no {', '.join(missing)}")
    try:
        return tables.to_result(summary, files[bundle.TRADES], files[bundle.CURVES])
    except (KeyError, ValueError, OverflowError) as error:
        raise BundleAltered(f"the tables of the result are not readable ({error})") from error


def _store_result(database: Database, run_id: str, result: results.RunResult) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        if runs.get(session, run_id).status == Status.PENDING:  # its engine pod may not write into runs
            runs.start(session, run_id, engine_version=result.summary["engine_version"], now=now)
        stored = results.succeed(session, run_id, result, now=now)
        failpoints.hit("result-written")
    failpoints.hit("result-committed")
    log.info("run SUCCEEDED" if stored else "run has ended already, nothing stored")


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
