"""The persist step in a pod: sees to it that the run has a row, then stores its result."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import InterfaceError, OperationalError

from backtest.errors import BacktestError
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.session import Database
from workflows.cluster import parameters, registration
from workflows.retry import outlast
from workflows.steps import persist
from workflows.steps.database import record

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Register a run of the Argo UI that has no row yet, and store what the engine step computed."""
    arguments = _arguments(argv)
    settings = Settings.from_env(os.environ)
    logs.configure_from(settings, process="persist")
    with logs.about(arguments.run_id):
        database = record(settings.database_url)  # the persist step's own door, opened once
        code = outlast(lambda: _register(database, arguments))
        if code != Exit.OK:
            return code
        return outlast(
            lambda: persist.main(["--run-id", arguments.run_id, "--bundle", str(arguments.bundle)])
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


def _register(database: Database, arguments: argparse.Namespace) -> int:
    asked = registration.Asked(
        run_id=arguments.run_id,
        arguments=parameters.from_json(os.environ["PARAMETERS"]),
        workflow_name=arguments.workflow_name,
        workflow_uid=arguments.workflow_uid,
    )
    try:
        with database.write() as session:
            if registration.register(session, asked, now=datetime.now(UTC)):
                log.info("run of the Argo UI registered")
    except (InterfaceError, OperationalError) as error:
        log.warning("the database is away", error=str(error.orig))
        return Exit.TRY_AGAIN
    except BacktestError as error:
        log.error("the run cannot be registered", error=str(error))
        return Exit.BAD_INPUT
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
