"""The chunk step of a study: some of its trials executed and stored, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from backtest import rules
from backtest.errors import BacktestError
from backtest.prices.dataset import Dataset
from backtest.studies.compute import compute_chunk
from backtest.studies.plan import Plan
from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import StoreError
from store.models import OPEN
from store.queries import datasets
from store.queries.studies import chunks, studies
from store.session import Database
from workflows import failpoints
from workflows.failures import Failure, snake_case
from workflows.steps import step
from workflows.steps.database import open_once

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Execute one chunk; executed twice it is stored once."""
    rules.allow_installed()
    parser = step.parser("chunk", __doc__)
    parser.add_argument("--number", required=True, type=int, metavar="N")
    arguments = parser.parse_args(argv)
    study_id, number = arguments.run_id, arguments.number

    def run(settings: Settings) -> int:
        database = open_once(settings.database_url)
        try:
            return _run(database, study_id, number)
        except (BacktestError, SettingsError, StoreError) as error:
            failure = Failure(snake_case(type(error).__name__), logs.redacted(str(error)))
            return _fail(database, study_id, number, failure)

    return step.run("chunk", study_id, run)


def _run(database: Database, study_id: str, number: int) -> int:
    with database.read() as session:
        study = studies.get(session, study_id)
        if study.status not in OPEN:
            log.info("study has ended already, nothing to do")
            return Exit.OK
        planned, prices = load(database, study_id)
        count = study.chunks
    failpoints.hit("chunk-begun")
    chunk = compute_chunk(planned.request, prices, number, count, planned=planned)
    failpoints.hit("chunk-computed")
    with database.write() as session:
        stored = chunks.store(session, study_id, chunk)
        failpoints.hit("chunk-written")
    log.info("chunk stored" if stored else "chunk was stored before", number=number, rows=len(chunk))
    return Exit.OK


def load(database: Database, study_id: str) -> tuple[Plan, dict[str, Dataset]]:
    """The trials of a study and its prices."""
    with database.read() as session:
        planned = studies.plan_of(session, study_id)
        hashes = studies.get(session, study_id).data_hashes
        return planned, {symbol: datasets.load(session, name) for symbol, name in hashes.items()}


def _fail(database: Database, study_id: str, number: int, failure: Failure) -> int:
    log.warning("chunk cannot be computed", number=number, error_code=failure.code, error=failure.message)
    with database.write() as session:
        chunks.fail(session, study_id, number, code=failure.code, message=failure.message)
    return Exit.BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
