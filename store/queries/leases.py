"""Tables as queues: workers lease rows of runs, studies and robustness, renew their leases and give rows back.

What is said of a run holds for the rows of any other table.
The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, PoolProxiedConnection, and_, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from store.models import OPEN, Robustness, Run, Status, Study
from store.queries.statements import changed_rows

Leased = type[Run] | type[Study] | type[Robustness]
_ID: Final[dict[Leased, Any]] = {
    Run: Run.run_id,
    Study: Study.study_id,
    Robustness: Robustness.run_id,
}
LONGEST_LEASE = timedelta(hours=2)
"""No lease is longer than the hour that LEASE_SECONDS allows; the other hour is for clocks that differ."""


def claim(session: Session, owner: str, *, lease_seconds: float, now: datetime) -> Run | None:
    """Lease the oldest run that no worker holds, for `lease_seconds`; None where there is none.

    Runs whose lease ran out go first: their worker died. A lease that ends later than any lease can was
    given before the clock was set back, and is void too. Several workers never get the same run:
    MySQL locks the row and skips locked ones, SQLite has one writer at a time.
    """
    run = _claim(session, Run, owner, lease_seconds, now)
    assert run is None or isinstance(run, Run)
    return run


def claim_study(session: Session, owner: str, *, lease_seconds: float, now: datetime) -> Study | None:
    """As `claim`, a study."""
    study = _claim(session, Study, owner, lease_seconds, now)
    assert study is None or isinstance(study, Study)
    return study


def claim_robustness(
    session: Session, owner: str, *, lease_seconds: float, now: datetime
) -> Robustness | None:
    """As `claim`, a robustness; what was asked for last goes first, for that is what is being looked at."""
    found = _claim(session, Robustness, owner, lease_seconds, now)
    assert found is None or isinstance(found, Robustness)
    return found


def _claim(
    session: Session, table: Leased, owner: str, lease_seconds: float, now: datetime
) -> Run | Study | Robustness | None:
    row: Run | Study | Robustness | None
    until = table.lease_until
    asked = table.created_at.desc() if table is Robustness else table.created_at
    free = or_(until.is_(None), until < now, until > now + LONGEST_LEASE)
    for status in (Status.RUNNING, Status.PENDING):
        first = select(table).where(table.status == status, free).order_by(asked, _ID[table])
        row = session.scalars(first.limit(1).with_for_update(skip_locked=True)).first()  # type: ignore[assignment]
        if row is not None:
            row.lease_owner, row.lease_until = owner, now + timedelta(seconds=lease_seconds)
            row.attempts += 1
            session.flush()
            return row
    return None


def renew(
    session: Session,
    owner: str,
    ids: Sequence[str],
    *,
    lease_seconds: float,
    now: datetime,
    table: Leased = Run,
) -> set[str]:
    """Prolong the leases of these runs; return those that are still `owner`'s and still open."""
    mine = and_(_ID[table].in_(ids), table.lease_owner == owner, table.status.in_(OPEN))
    session.execute(update(table).where(mine).values(lease_until=now + timedelta(seconds=lease_seconds)))
    return set(session.scalars(select(_ID[table]).where(mine)))


def release(session: Session, owner: str, one: str, *, table: Leased = Run) -> bool:
    """Give an open run back, so that the next worker takes it at once."""
    mine = and_(_ID[table] == one, table.lease_owner == owner, table.status.in_(OPEN))
    return changed_rows(session, update(table).where(mine).values(lease_owner=None, lease_until=None)) == 1


def owners(session: Session, table: Leased = Run) -> set[str]:
    """The owners of leases on open runs."""
    held = (table.status.in_(OPEN), table.lease_owner.is_not(None))
    return {owner for owner in session.scalars(select(table.lease_owner).where(*held).distinct()) if owner}


def release_all(session: Session, owner: str, *, table: Leased = Run) -> int:
    """Give back every open run of an owner that is known to be dead."""
    mine = and_(table.lease_owner == owner, table.status.in_(OPEN))
    return changed_rows(session, update(table).where(mine).values(lease_owner=None, lease_until=None))


class PendingProbe:
    """Asks whether runs wait, on one connection of its own: sessions would keep an idle processor busy."""

    def __init__(self, engine: Engine, table: Leased = Run) -> None:
        name, waiting = table.__tablename__, f"status = '{Status.PENDING}' AND lease_owner IS NULL"
        self._question = f"SELECT 1 FROM {name} WHERE {waiting} LIMIT 1"  # noqa: S608 # nosec B608
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None

    def has_pending(self) -> bool:
        """Whether some PENDING run has no owner; raises as a session would."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            cursor = self._connection.cursor()
            try:
                cursor.execute(self._question)
                return cursor.fetchone() is not None
            finally:
                cursor.close()
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise OperationalError(self._question, None, error) from error

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
