"""The results of which it is asked what survives, as rows of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from store.models import Robustness
from store.queries import leases
from store.queries.studies import robustness
from workflows.failures import Failure
from workflows.local.background_queue import BackgroundQueue


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run of which this worker computes what survives."""

    run_id: str
    attempts: int


class RobustnessQueue(BackgroundQueue):
    """Claims results and notes failures."""

    _table = Robustness

    def claim(self) -> Claimed | None:
        """Claim one, which is RUNNING then."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            found = leases.claim_robustness(session, self._owner, lease_seconds=self._lease_seconds, now=now)
            if found is None:
                return None
            robustness.start(session, found.run_id)
            return Claimed(found.run_id, found.attempts)

    def fail(self, run_id: str, failure: Failure) -> None:
        """→ FAILED, unless it has ended."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            robustness.fail(session, run_id, code=failure.code, message=failure.message, now=now)
