"""The results of which it is asked what survives, as rows of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from config import logs
from store.models import Robustness
from store.queries import leases
from store.queries.leases import PendingProbe
from store.queries.studies import robustness
from store.session import Database
from workflows.failures import Failure
from workflows.local import lease

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run of which this worker computes what survives."""

    run_id: str
    attempts: int


class RobustnessQueue:
    """Claims results, renews their leases, gives them back and notes failures, under the name of this process."""

    def __init__(self, database: Database, *, lease_seconds: int) -> None:
        self._database, self._lease_seconds = database, lease_seconds
        self._owner = lease.owner()
        self._probe = PendingProbe(database.engine, Robustness)

    def has_pending(self) -> bool:
        """Whether some result may be free to claim; cheap enough to be asked many times a second."""
        try:
            return self._probe.has_pending()
        except SQLAlchemyError:
            self._probe.disconnect()
            raise

    def claim(self) -> Claimed | None:
        """Claim one, which is RUNNING then."""
        with self._database.write() as session:
            found = leases.claim_robustness(
                session, self._owner, lease_seconds=self._lease_seconds, now=datetime.now(UTC)
            )
            if found is None:
                return None
            robustness.start(session, found.run_id)
            return Claimed(found.run_id, found.attempts)

    def renew(self, run_id: str) -> bool:
        """Prolong the lease; false where it has ended or is another worker's."""
        with self._database.write() as session:
            return bool(
                leases.renew(
                    session, self._owner, [run_id], lease_seconds=self._lease_seconds,
                    now=datetime.now(UTC), table=Robustness,
                )
            )  # fmt: skip

    def fail(self, run_id: str, failure: Failure) -> None:
        """→ FAILED, unless it has ended."""
        with self._database.write() as session:
            robustness.fail(
                session, run_id, code=failure.code, message=failure.message, now=datetime.now(UTC)
            )

    def release(self, run_id: str) -> None:
        """Give it back for the next worker."""
        with self._database.write() as session:
            leases.release(session, self._owner, run_id, table=Robustness)

    def reap_dead_owners(self) -> None:
        """Release what dead workers of this host hold, without waiting for their leases to expire."""
        with self._database.read() as session:
            dead = [owner for owner in leases.owners(session, Robustness) if lease.is_dead(owner)]
        for owner in dead:
            with self._database.write() as session:
                count = leases.release_all(session, owner, table=Robustness)
            log.warning("results of a dead worker released", owner=owner, results=count)
