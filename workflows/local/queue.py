"""The queue of one worker: the runs that wait and those that it holds, as rows of the database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from config import logs
from store import schema
from store.errors import reason
from store.queries import audit, leases, runs
from store.queries.leases import PendingProbe
from store.session import Database
from workflows import failpoints
from workflows.failures import Failure
from workflows.local import lease

_PAUSES_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
log = logs.get(__name__)


class Queue:
    """Claims runs, renews their leases, releases them and fails them, under the name of this process."""

    def __init__(self, database: Database, *, lease_seconds: int) -> None:
        self._database, self._lease_seconds = database, lease_seconds
        self._owner = lease.owner()
        self._probe = PendingProbe(database.engine)

    def require_schema(self) -> None:
        """Raise `SchemaBehind` unless the tables are sufficient for this release."""
        schema.require_sufficient(self._database.engine)

    def has_pending(self) -> bool:
        """Whether some run may be free to claim; cheap enough to be asked many times a second."""
        return self._probe.has_pending()

    def claim(self) -> tuple[str, int] | None:
        """Claim one run: its id, and the number of this attempt."""
        with self._database.write() as session:
            run = leases.claim(session, self._owner, lease_seconds=self._lease_seconds, now=datetime.now(UTC))
            if run is None:
                return None
            failpoints.hit("claim-written")
        failpoints.hit("claim-committed")
        return run.run_id, run.attempts

    def renew(self, run_ids: Sequence[str]) -> set[str]:
        """Prolong the leases; return the runs that are still open and this worker's."""
        with self._database.write() as session:
            own = leases.renew(
                session, self._owner, run_ids, lease_seconds=self._lease_seconds, now=datetime.now(UTC)
            )
            failpoints.hit("renew-written")
        failpoints.hit("renew-committed")
        return own

    def fail(self, run_id: str, failure: Failure) -> bool:
        """→ FAILED, unless the run has ended or is another worker's by now."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            own = leases.renew(session, self._owner, [run_id], lease_seconds=self._lease_seconds, now=now)
            if not own:
                return False
            failed = runs.fail(session, run_id, code=failure.code, message=failure.message, now=now)
            failpoints.hit("failure-written")
        failpoints.hit("failure-committed")
        return failed

    def release(self, run_ids: Sequence[str]) -> None:
        """Give runs back for the next worker."""
        with self._database.write() as session:
            for run_id in run_ids:
                leases.release(session, self._owner, run_id)
            failpoints.hit("giving-back-written")
        failpoints.hit("giving-back-committed")

    def reap_dead_owners(self) -> None:
        """Release what dead workers of this host hold, without waiting for their leases to expire."""
        with self._database.read() as session:
            dead = [owner for owner in leases.owners(session) if lease.is_dead(owner)]
        for owner in dead:
            with self._database.write() as session:
                count = leases.release_all(session, owner)
                failpoints.hit("takeover-written")
            failpoints.hit("takeover-committed")
            log.warning("runs of a dead worker released", owner=owner, runs=count)

    def prune_audit(self, *, days: int) -> None:
        """Delete the entries of the audit trail that are older."""
        with self._database.write() as session:
            audit.retain(session, days=days, now=datetime.now(UTC))

    def disconnect(self) -> None:
        """Drop every connection."""
        self._probe.disconnect()
        self._database.close()


class Availability:
    """Whether the database answers, and when to ask again where it does not; logs each change once."""

    def __init__(self) -> None:
        self._failures, self._again_at = 0, 0.0

    @property
    def is_due(self) -> bool:
        """False during the pause after a failure."""
        return time.monotonic() >= self._again_at

    @contextmanager
    def watched(self, queue: Queue) -> Iterator[None]:
        """Note whether the database work inside succeeds; its errors end here."""
        try:
            yield
        except SQLAlchemyError as error:
            if not self._failures:
                log.warning("database unavailable", error=reason(error))
            pause = _PAUSES_SECONDS[min(self._failures, len(_PAUSES_SECONDS) - 1)]
            self._failures, self._again_at = self._failures + 1, time.monotonic() + pause
            queue.disconnect()
        else:
            if self._failures:
                log.info("database available again", failures=self._failures)
            self._failures = 0
