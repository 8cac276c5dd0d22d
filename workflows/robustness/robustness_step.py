"""The step behind a result: what of it survives, computed and stored in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from backtest import rules
from backtest.errors import BacktestError
from backtest.prices.dataset import Dataset
from backtest.robustness import robustness
from backtest.run.request import RunRequest
from backtest.studies.statistics.deflated import Tried
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import UnknownRun
from store.models import OPEN
from store.queries import datasets, runs
from store.queries.studies import ledger
from store.queries.studies import robustness as stored
from store.session import Database
from workflows import failpoints
from workflows.failures import Failure, snake_case
from workflows.steps import step
from workflows.steps.database import open_once

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Compute and store it; twice is the same as once, and what is not asked for is left alone."""
    rules.allow_installed()
    run_id = step.parser("robustness", __doc__).parse_args(argv).run_id
    return step.run("robustness", run_id, lambda settings: compute(settings, run_id))


def compute(settings: Settings, run_id: str) -> Exit:
    """What of the run's result survives → the database, or why it cannot be told."""
    database = open_once(settings.database_url)
    try:
        work = _work(database, run_id)
        if work is None:
            log.info("robustness is not asked for, nothing to do")
            return Exit.OK
        failpoints.hit("robustness-begun")
        request, prices, tried = work
        answer = robustness(request, prices, tried=tried)
    except BacktestError as error:
        return _fail(database, run_id, Failure(snake_case(type(error).__name__), logs.redacted(str(error))))
    failpoints.hit("robustness-computed")
    with database.write() as session:
        kept = stored.succeed(session, run_id, answer=answer, now=datetime.now(UTC))
        failpoints.hit("robustness-written")
    log.info("robustness stored" if kept else "robustness is no longer asked for")
    return Exit.OK


def _work(database: Database, run_id: str) -> tuple[RunRequest, dict[str, Dataset], Tried | None] | None:
    """The run, its prices and everything tried on them; None where the run is gone or was not asked for."""
    with database.read() as session:
        asked = stored.find(session, run_id)
        if asked is None or asked.status not in OPEN:
            return None
        try:
            run = runs.get(session, run_id)
        except UnknownRun:
            return None
        hashes = run.data_hashes or {}
        prices = {symbol: datasets.load(session, name) for symbol, name in hashes.items()}
        return runs.request_of(run), prices, ledger.tried_with(session, run)


def _fail(database: Database, run_id: str, failure: Failure) -> Exit:
    log.warning("robustness cannot be computed", error_code=failure.code, error=failure.message)
    with database.write() as session:
        stored.fail(session, run_id, code=failure.code, message=failure.message, now=datetime.now(UTC))
    return Exit.BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
