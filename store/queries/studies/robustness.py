"""What of each run's result survives: asked for, computed, stored once. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.errors import Conflict
from store.models import OPEN, Robustness, Status
from store.queries import runs
from store.queries.statements import changed_rows


def ask(session: Session, run_id: str, *, now: datetime) -> Robustness:
    """Have it computed, again where it was already; what waits goes first then, what is computed right now goes on.

    Raises
    ------
    Conflict
        If the run has no result.
    """
    run = runs.get(session, run_id)
    if run.status != Status.SUCCEEDED:
        raise Conflict(f"run {run_id} is {run.status}: only a result can be asked what of it survives")
    if find(session, run_id) is None:
        try:
            with session.begin_nested():
                session.add(Robustness(run_id=run_id, created_at=now))
                session.flush()
        except IntegrityError:  # another process has just asked for it
            pass
    again: dict[str, Any] = {
        "status": Status.PENDING, "created_at": now, "completed_at": None, "error_code": None,
        "error_message": None, "attempts": 0, "lease_owner": None, "lease_until": None,
    }  # fmt: skip
    idle = or_(
        Robustness.status != Status.RUNNING, Robustness.lease_until.is_(None), Robustness.lease_until < now
    )
    changed_rows(session, update(Robustness).where(Robustness.run_id == run_id, idle).values(**again))
    session.expire_all()
    found = find(session, run_id)
    assert found is not None
    return found


def ask_first(session: Session, run_id: str, *, now: datetime) -> None:
    """Have it computed for a run that SUCCEEDED in this very transaction, so that no other has asked for it."""
    session.execute(insert(Robustness).values(run_id=run_id, created_at=now))


def find(session: Session, run_id: str) -> Robustness | None:
    """How far it is for a run; None where it was never asked for."""
    return session.get(Robustness, run_id)


def answer_of(session: Session, run_id: str) -> dict[str, Any] | None:
    """What was found last; None where nothing was yet."""
    found: dict[str, Any] | None = session.scalar(
        select(Robustness.answer).where(Robustness.run_id == run_id)
    )
    return found


def start(session: Session, run_id: str) -> None:
    """PENDING → RUNNING."""
    changed_rows(session, update(Robustness).where(_open(run_id)).values(status=Status.RUNNING))


def succeed(session: Session, run_id: str, *, answer: Mapping[str, Any], now: datetime) -> bool:
    """RUNNING → SUCCEEDED with what was found; false where it is not open."""
    return _end(session, run_id, Status.SUCCEEDED, now, answer=dict(answer))


def fail(session: Session, run_id: str, *, code: str, message: str, now: datetime) -> bool:
    """→ FAILED with a message that says what to do; false where it is not open."""
    return _end(session, run_id, Status.FAILED, now, answer=None, error_code=code, error_message=message)


def _end(session: Session, run_id: str, status: Status, now: datetime, **values: Any) -> bool:
    values |= {"status": status, "completed_at": now, "lease_owner": None, "lease_until": None}
    return changed_rows(session, update(Robustness).where(_open(run_id)).values(**values)) == 1


def _open(run_id: str) -> Any:
    return and_(Robustness.run_id == run_id, Robustness.status.in_(OPEN))
