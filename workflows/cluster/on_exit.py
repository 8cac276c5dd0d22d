"""The exit handler of a workflow: a run that did not succeed is FAILED in the record, with the reason."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.exc import InterfaceError, OperationalError

from backtest.errors import BacktestError
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.queries import runs
from store.session import Database
from workflows.cluster import failure_messages, parameters, registration

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Write down why the workflow failed; a run that has ended, or is another workflow's, stays as it is."""
    arguments = _arguments(argv)
    settings = Settings.from_env(os.environ)
    logs.configure_from(settings, process="record")
    with logs.about(arguments.run_id):
        try:
            _record(Database.open(settings.database_url, pool_size=1), arguments)
        except (InterfaceError, OperationalError) as error:
            log.warning("the database is away", error=str(error.orig))
            return Exit.TRY_AGAIN
        except BacktestError as error:  # a submission of the Argo UI that no row can hold
            log.error("the run is not valid and cannot be shown in the web", error=str(error))
        return Exit.OK


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workflows.steps.record", description=__doc__)
    parser.add_argument("--run-id", required=True, metavar="UUID")
    parser.add_argument("--workflow-name", required=True)
    parser.add_argument("--workflow-uid", required=True)
    return parser.parse_args(argv)


def _record(database: Database, arguments: argparse.Namespace) -> None:
    failure = failure_messages.explain(
        failure_messages.broken_in(os.environ["FAILURES"]), os.environ.get("STATUS", "")
    )
    asked = registration.Asked(
        run_id=arguments.run_id,
        arguments=parameters.from_json(os.environ["PARAMETERS"]),
        workflow_name=arguments.workflow_name,
        workflow_uid=arguments.workflow_uid,
    )
    now = datetime.now(UTC)
    with database.write() as session:
        registration.register(session, asked, now=now)
    with database.write() as session:
        own = runs.get(session, asked.run_id).workflow_uid == asked.workflow_uid
        stored = own and runs.fail(session, asked.run_id, code=failure.code, message=failure.message, now=now)
    log.warning(
        "run FAILED" if stored else "the run has ended already, or another workflow executes it",
        error_code=failure.code,
        error=failure.message,
    )


if __name__ == "__main__":
    sys.exit(main())
