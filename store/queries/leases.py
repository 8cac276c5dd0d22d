"""The table of runs as a queue: workers lease runs, renew their leases and give runs back.

The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, PoolProxiedConnection, and_, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from store.models import OPEN, Run, Status
from store.queries.statements import changed_rows

LONGEST_LEASE = timedelta(hours=2)
"""No lease is longer than the hour that LEASE_SECONDS allows; the other hour is for clocks that differ."""


def claim(session: Session, owner: str, *, lease_seconds: float, now: datetime) -> Run | None:
    """Lease the oldest run that no worker holds, for `lease_seconds`; None where there is none.

    Runs whose lease ran out go first: their worker died. A lease that ends later than any lease can was
    given before the clock was set back, and is void too. Several workers never get the same run:
    MySQL locks the row and skips locked ones, SQLite has one writer at a time.
    """
    free = or_(Run.lease_until.is_(None), Run.lease_until < now, Run.lease_until > now + LONGEST_LEASE)
    for status in (Status.RUNNING, Status.PENDING):
        oldest = select(Run).where(Run.status == status, free).order_by(Run.created_at, Run.run_id).limit(1)
        run = session.scalars(oldest.with_for_update(skip_locked=True)).first()
        if run is not None:
            run.lease_owner, run.lease_until = owner, now + timedelta(seconds=lease_seconds)
            run.attempts += 1
            session.flush()
            return run
    return None


def renew(
    session: Session, owner: str, run_ids: Sequence[str], *, lease_seconds: float, now: datetime
) -> set[str]:
    """Prolong the leases of these runs; return those that are still `owner`'s and still open."""
    mine = and_(Run.run_id.in_(run_ids), Run.lease_owner == owner, Run.status.in_(OPEN))
    session.execute(update(Run).where(mine).values(lease_until=now + timedelta(seconds=lease_seconds)))
    return set(session.scalars(select(Run.run_id).where(mine)))


def release(session: Session, owner: str, run_id: str) -> bool:
    """Give an open run back, so that the next worker takes it at once."""
    mine = and_(Run.run_id == run_id, Run.lease_owner == owner, Run.status.in_(OPEN))
    return changed_rows(session, update(Run).where(mine).values(lease_owner=None, lease_until=None)) == 1


def owners(session: Session) -> set[str]:
    """The owners of leases on open runs."""
    leased = select(Run.lease_owner).where(Run.status.in_(OPEN), Run.lease_owner.is_not(None)).distinct()
    return {owner for owner in session.scalars(leased) if owner is not None}


def release_all(session: Session, owner: str) -> int:
    """Give back every open run of an owner that is known to be dead."""
    mine = and_(Run.lease_owner == owner, Run.status.in_(OPEN))
    return changed_rows(session, update(Run).where(mine).values(lease_owner=None, lease_until=None))


class PendingProbe:
    """Asks whether runs wait, on one connection of its own: sessions would keep an idle processor busy."""

    _QUESTION = f"SELECT 1 FROM runs WHERE status = '{Status.PENDING}' AND lease_owner IS NULL LIMIT 1"  # noqa: S608 # nosec B608

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None

    def has_pending(self) -> bool:
        """Whether some PENDING run has no owner; raises as a session would."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            cursor = self._connection.cursor()
            try:
                cursor.execute(self._QUESTION)
                return cursor.fetchone() is not None
            finally:
                cursor.close()
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise OperationalError(self._QUESTION, None, error) from error

    def disconnect(self) -> None:
        """Drop the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None

    def _connect(self) -> PoolProxiedConnection:
        connection = self._engine.raw_connection()
        if self._engine.dialect.name == "mysql":
            connection.autocommit(True)  # each question sees the newest rows
        return connection
