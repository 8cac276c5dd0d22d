"""The queue of runs and their rows, past the web tier."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from backtest import samples
from backtest.run.alignment import align
from backtest.run.request import RunRequest
from config.settings import Settings
from qa.examples import REQUEST
from store.models import OPEN, Run, Status
from store.queries import datasets, run_list, runs
from store.session import Database
from workflows.launchers import LocalLauncher
from workflows.submission import submit


def add_samples(database: Database) -> None:
    """Store the bundled prices."""
    with database.write() as session:
        for symbol in samples.SYMBOLS:
            datasets.add(session, samples.load(symbol), now=datetime.now(UTC))


class RunQueue:
    """Queues runs in a database and reads what became of them."""

    database: Database
    settings: Settings

    def enqueue(self, **changes: Any) -> str:
        """Queue the request with these changes without a web tier; the id of the run."""
        return submit(
            REQUEST | changes,
            settings=self.settings,
            database=self.database,
            launcher=LocalLauncher(),
        )

    def enqueue_rule(self, rule_type: str) -> str:
        """Queue a run of a rule that is installed in the workers alone."""
        request = replace(RunRequest.parse(REQUEST), rule_type=rule_type, params={}, run_id=str(uuid.uuid4()))
        aligned = align(request, {"SP500": samples.load("SP500")})
        submission = runs.Submission(
            request=request, received={}, data_hash=aligned.span.data_hash, data_hashes=aligned.span.hashes
        )
        with self.database.write() as session:
            return runs.submit(session, submission, now=datetime.now(UTC))[0].run_id

    def get(self, run_id: str) -> Run:
        """The run as it is stored."""
        with self.database.read() as session:
            return runs.get(session, run_id)

    def row(self, run_id: str) -> Mapping[str, Any]:
        """Where a run stands; empty if there is none."""
        columns = (Run.status, Run.error_code, Run.error_message, Run.attempts, Run.lease_owner)
        with self.database.read() as session:
            row = session.execute(select(*columns).where(Run.run_id == run_id)).one_or_none()
        return {} if row is None else row._asdict()

    def is_status(self, run_id: str, *statuses: Status) -> bool:
        """Whether the run has one of these statuses."""
        return self.row(run_id).get("status") in statuses

    def counts(self) -> dict[str, int]:
        """How many runs have each status, without the zeros."""
        with self.database.read() as session:
            return {status: count for status, count in run_list.count_by_status(session).items() if count}

    def open_runs(self) -> int:
        """How many runs wait or run."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(Run).where(Run.status.in_(OPEN))) or 0

    def all_ended(self, run_ids: Iterable[str]) -> bool:
        """Whether none of these runs waits or runs."""
        with self.database.read() as session:
            still_open = select(func.count()).where(Run.run_id.in_(list(run_ids)), Run.status.in_(OPEN))
            return session.scalar(still_open) == 0
