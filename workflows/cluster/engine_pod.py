"""The engine step in a pod: request from the workflow's arguments, prices read-only, last words for Argo."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from backtest.errors import BacktestError
from backtest.run.request import RunRequest
from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import RequestLimits, Settings
from store.errors import StoreError
from store.queries import datasets
from store.session import Database
from workflows import limits, process, submission
from workflows.cluster import failure_messages, parameters
from workflows.errors import BundleError
from workflows.failures import Failure
from workflows.steps import bundle, engine
from workflows.steps.source import Work, write_files

_KEPT_FOR_OTHERS = 0.85
"""The share of the container's memory that the step's own data may fill; the rest is code and stacks."""
log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Compute the run that the workflow's arguments describe; 2 is bad input, with the reason told."""
    arguments = _arguments(argv)
    logs.configure(process="engine", as_json=True)
    with logs.about(arguments.run_id):
        try:
            code = _run(arguments.run_id, arguments.bundle)
        except (InterfaceError, OperationalError) as error:
            log.warning("the database is away", error=str(error.orig))
            return Exit.TRY_AGAIN
        except (BacktestError, SettingsError, StoreError) as error:
            log.warning("the run cannot be computed", error=str(error))
            _say(Failure("invalid_request", str(error)))
            return Exit.BAD_INPUT
        if code != Exit.OK:
            _say_what_the_bundle_says(arguments.run_id, arguments.bundle)
        return code


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflows.steps.compute", description=__doc__)
    parser.add_argument("--run-id", required=True, metavar="UUID")
    parser.add_argument("--bundle", required=True, type=Path, metavar="DIR", help="where the result goes")
    return parser.parse_args(argv)


def _run(run_id: str, folder: Path) -> int:
    settings = Settings.from_env(os.environ)
    logs.configure_from(settings, process="engine")
    raw, hashes = parameters.read(parameters.from_json(os.environ["PARAMETERS"]), run_id)
    request = limits.read(raw, settings.limits)
    database = Database.open(settings.database_url, pool_size=1)
    with database.read() as session:
        pinned = _pinned(session, request, hashes, settings.limits)
        work = Work(request, {name: datasets.load(session, data_hash) for name, data_hash in pinned})
    database.close()
    with tempfile.TemporaryDirectory() as scratch:
        request_file, prices = Path(scratch) / "request.json", Path(scratch) / "prices"
        write_files(work, request_file, prices)
        _limit_memory(os.environ)
        return engine.main(
            [
                "--run-id",
                run_id,
                "--bundle",
                str(folder),
                "--request",
                str(request_file),
                "--prices",
                str(prices),
            ]
        )


def _pinned(
    session: Session, request: RunRequest, hashes: Mapping[str, str], most: RequestLimits
) -> list[tuple[str, str]]:
    """The prices that the submitter pinned, or the current ones where the run comes from the Argo UI.

    `LimitExceeded` where they are too many; none of them is read for that.
    """
    if not hashes:
        return sorted(submission.pin(session, request, most).hashes.items())
    limits.check_bars(datasets.described(session, hashes.values()), most)
    return sorted(hashes.items())


def _limit_memory(env: Mapping[str, str]) -> None:
    """Have an allocation fail in Python, which can say so, before the kernel kills the container."""
    if limit_mib := int(env.get("MEMORY_MIB", "0")):
        process.limit_memory(int(limit_mib * _KEPT_FOR_OTHERS))


def _say_what_the_bundle_says(run_id: str, folder: Path) -> None:
    try:
        said = bundle.read_json(bundle.read(folder, run_id), bundle.ERROR)
    except BundleError:
        return
    _say(Failure(said["error_code"], said["error_message"]))


def _say(failure: Failure) -> None:
    """Leave the reason where Kubernetes, and through it the exit handler, finds it."""
    path = Path(os.environ.get("TERMINATION_LOG", failure_messages.TERMINATION_LOG))
    try:
        path.write_text(failure_messages.last_words(failure), encoding="utf-8")
    except OSError as error:
        log.error(
            "the reason could not be left for the exit handler",
            error=str(error),
            reason=json.dumps(failure.message),
        )


if __name__ == "__main__":
    sys.exit(main())
