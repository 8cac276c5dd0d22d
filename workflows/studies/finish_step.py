"""The last step of a study: statistics over all chunks, the ledger and SUCCEEDED stored in one transaction."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from backtest import rules
from backtest.errors import BacktestError
from backtest.plural import counted
from backtest.studies.chunk import join
from backtest.studies.plan import Plan
from backtest.studies.result import judge
from backtest.studies.statistics.deflated import Tried
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.models import OPEN, Study
from store.queries.studies import chunks, ledger, studies
from store.session import Database
from workflows import failpoints
from workflows.failures import Failure, snake_case
from workflows.steps import step
from workflows.steps.database import open_once
from workflows.studies import chunk_step

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Store what the study found, or why it has no result; an ended study stays as it is."""
    rules.allow_installed()
    study_id = step.parser("finish", __doc__).parse_args(argv).run_id

    def run(settings: Settings) -> int:
        database = open_once(settings.database_url)
        try:
            return _run(database, study_id)
        except BacktestError as error:
            failure = Failure(snake_case(type(error).__name__), logs.redacted(str(error)))
            return fail(database, study_id, failure)

    return step.run("finish", study_id, run)


def _run(database: Database, study_id: str) -> int:
    with database.read() as session:
        study = studies.get(session, study_id)
        if study.status not in OPEN:
            return Exit.OK
        if failure := too_much_missing(session, study):
            return fail(database, study_id, failure)
        planned, prices = chunk_step.load(database, study_id)
        found = join(chunks.each(session, study_id), planned.rows, planned.trials)
        before = tried_before(session, study, planned)
    summary = judge(planned, prices, found, before=before).summary
    failpoints.hit("study-judged")
    succeed(database, study, summary, found.digest)
    return Exit.OK


def succeed(database: Database, study: Study, summary: Mapping[str, Any], digest: str) -> None:
    """→ SUCCEEDED with what was found, counted in the ledger; a study that has ended stays as it is."""
    now = datetime.now(UTC)
    with database.write() as session:
        if studies.succeed(session, study.study_id, summary=summary, result_hash=digest, now=now):
            _record(session, study, summary, now)
        failpoints.hit("study-written")
    log.info("study SUCCEEDED", trials=study.trials)


def too_much_missing(session: Session, study: Study) -> Failure | None:
    """Why there is no result; None where enough chunks are there."""
    missing = study.chunks - study.done_chunks
    if missing <= study.chunks * studies.MOST_MISSING and study.done_chunks:
        return None
    reasons = chunks.failures(session, study.study_id, limit=1)
    reason = reasons[0].error_message if reasons else "they were not executed"
    text = (
        f"{counted(missing, 'chunk')} of {study.chunks} failed, more than {studies.MOST_MISSING:.0%}: {reason} "
        "Finish the study to execute what is missing again."
    )
    return Failure(reasons[0].error_code or "chunks_missing" if reasons else "chunks_missing", text)


def tried_before(session: Session, study: Study, planned: Plan) -> dict[tuple[str, ...], Tried]:
    """By the symbols of an account, what the ledger holds of other requests."""
    return {
        symbols: ledger.tried(session, study.rule_type, symbols, study.timeframe, without=study.request_hash)
        for symbols in planned.accounts
    }


def _record(session: Session, study: Study, summary: Mapping[str, Any], now: datetime) -> None:
    for account in summary["accounts"]:
        tried = account["statistics"]["tried"]
        ledger.record(
            session, Tried(tried["trials"], tried["mean"], tried["variance"]), rule_type=study.rule_type,
            symbols=account["symbols"], timeframe=study.timeframe, request_hash=study.request_hash,
            source=study.study_id, now=now,
        )  # fmt: skip


def fail(database: Database, study_id: str, failure: Failure) -> int:
    """→ FAILED with the reason; a study that has ended stays as it is."""
    with database.write() as session:
        now = datetime.now(UTC)
        studies.fail(session, study_id, code=failure.code, message=failure.message, now=now)
    log.warning("study FAILED", error_code=failure.code, error_message=failure.message)
    return Exit.BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
