"""Work that waits beside the runs, one row each, and what a worker holds of it by a lease."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from config import logs
from store.models import Robustness, Study
from store.queries import leases
from store.queries.leases import PendingProbe
from store.session import Database
from workflows.local import lease

log = logs.get(__name__)


class BackgroundQueue:
    """Renews and releases the leases of one table under the name of this process; subclasses claim and fail."""

    _table: type[Study | Robustness]

    def __init__(self, database: Database, *, lease_seconds: int) -> None:
        self._database, self._lease_seconds = database, lease_seconds
        self._owner = lease.owner()
        self._probe = PendingProbe(database.engine, self._table)

    def has_pending(self) -> bool:
        """Whether some row may be free to claim; cheap enough to be asked many times a second."""
        try:
            return self._probe.has_pending()
        except SQLAlchemyError:
            self._probe.disconnect()
            raise

    def renew(self, key: str) -> bool:
        """Prolong the lease; false where the row has ended or is another worker's."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            own = leases.renew(
                session, self._owner, [key], lease_seconds=self._lease_seconds, now=now, table=self._table
            )
            return bool(own)

    def release(self, key: str) -> None:
        """Give the row back for the next worker."""
        with self._database.write() as session:
            leases.release(session, self._owner, key, table=self._table)

    def reap_dead_owners(self) -> None:
        """Release what dead workers of this host hold, without waiting for their leases to expire."""
        with self._database.read() as session:
            dead = [owner for owner in leases.owners(session, self._table) if lease.is_dead(owner)]
        for owner in dead:
            with self._database.write() as session:
                count = leases.release_all(session, owner, table=self._table)
            log.warning(
                "rows of a dead worker released", owner=owner, table=self._table.__tablename__, rows=count
            )
