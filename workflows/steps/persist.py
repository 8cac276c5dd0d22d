"""The second step of a run: a result bundle in, the result and SUCCEEDED stored in one transaction."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import UnknownRun
from store.models import Status
from store.queries import results, runs
from store.session import Database
from workflows import failpoints, process
from workflows.errors import BundleAltered, BundleError, BundleTooLarge
from workflows.steps import bundle, tables
from workflows.steps.database import record

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Store what the bundle holds; twice is the same as once, and an ended run stays as it is."""
    arguments = _arguments(argv)
    settings = Settings.from_env(os.environ)
    logs.configure_from(settings, process="persist")
    with logs.about(arguments.run_id):
        try:
            return _persist(record(settings.database_url), arguments, settings.limits.result_mib)
        except (InterfaceError, OperationalError) as error:
            log.warning("the database is away", error=str(error.orig))
            return Exit.TRY_AGAIN
        except MemoryError:
            process.lift_memory_limit()
            log.error("the step ran out of memory")
            return Exit.OUT_OF_MEMORY
        except UnknownRun as error:
            log.error("the result belongs to no run", error=str(error))
            return Exit.BAD_INPUT
        except Exception:  # the step's own edge: the starter sees the code, the log has the reason
            log.exception("the step failed")
            return Exit.CRASHED


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflows.steps.persist", description=__doc__)
    parser.add_argument("--run-id", required=True, metavar="UUID")
    parser.add_argument(
        "--bundle", required=True, type=Path, metavar="DIR", help="what the engine step wrote"
    )
    return parser.parse_args(argv)


def _persist(database: Database, arguments: argparse.Namespace, most_mib: int) -> int:
    run_id: str = arguments.run_id
    failpoints.reach("persist-begun")
    with database.read() as session:
        run = runs.get(session, run_id)
        if run.ended:
            log.info("the run has ended already, nothing to do", status=run.status)
            return Exit.OK
    try:
        files = bundle.read(arguments.bundle, run_id, most_mib=most_mib)
        if bundle.ERROR in files:
            return _store_failure(database, run_id, bundle.read_json(files, bundle.ERROR))
        result = _result(files)
    except BundleTooLarge as error:
        log.warning("the result is too large", error_code="result_too_large", error=str(error))
        message = (
            f"The result was not stored: {error}. Shorten the range, use fewer symbols or a rule that "
            "trades less, or have the limit raised."
        )
        return _store_failure(database, run_id, {"error_code": "result_too_large", "error_message": message})
    except BundleError as error:
        log.error("the result is not whole", error_code="bad_result", error=str(error))
        message = f"The result was not stored: {error}. Submit the run again."
        _store_failure(database, run_id, {"error_code": "bad_result", "error_message": message})
        return Exit.BAD_INPUT
    failpoints.reach("bundle-proven")
    with database.write() as session:
        stored = _succeed(session, run_id, result)
        failpoints.reach("result-written")
    failpoints.reach("result-committed")
    log.info("run SUCCEEDED" if stored else "the run has ended already, nothing stored")
    return Exit.OK


def _result(files: dict[str, bytes]) -> results.RunResult:
    summary = bundle.read_json(files, bundle.SUMMARY)
    if missing := [name for name in results.NEEDED if name not in summary]:
        raise BundleAltered(f"{bundle.SUMMARY} of the result has no {', '.join(missing)}")
    try:
        return tables.to_result(summary, files[bundle.TRADES], files[bundle.CURVES])
    except (KeyError, pa.ArrowInvalid) as error:
        raise BundleAltered(f"the tables of the result are not readable ({error})") from error


def _succeed(session: Session, run_id: str, result: results.RunResult) -> bool:
    now = datetime.now(UTC)
    if runs.get(session, run_id).status == Status.PENDING:  # its engine step could not see the record
        runs.start(session, run_id, engine_version=result.summary["engine_version"], now=now)
    return results.succeed(session, run_id, result, now=now)


def _store_failure(database: Database, run_id: str, error: dict[str, str]) -> int:
    code, message = error["error_code"], error["error_message"]
    with database.write() as session:
        stored = runs.fail(session, run_id, code=code, message=message, now=datetime.now(UTC))
        failpoints.reach("refusal-written")
    failpoints.reach("refusal-committed")
    log.warning(
        "run FAILED" if stored else "the run has ended already", error_code=code, error_message=message
    )
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
