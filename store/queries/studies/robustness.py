"""What of each run's result survives: asked for, computed, stored once. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.errors import Conflict
from store.models import OPEN, Robustness, Status
from store.queries import runs
from store.queries.leases import LONGEST_LEASE
from store.queries.statements import changed_rows

WORKFLOW_PREFIX: Final = "robustness-"
"""What the names of workflows begin with, which hold a row in place of a worker."""
_LONGEST_WORKFLOW: Final = LONGEST_LEASE - timedelta(hours=1)
"""So long the workflow of a row holds it at most; clocks may differ by the other hour."""


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


def waiting(session: Session, limit: int, *, now: datetime) -> Sequence[Robustness]:
    """What no workflow and no worker holds, what was asked for last first; at most `limit`."""
    free = or_(Robustness.lease_until.is_(None), Robustness.lease_until < now)
    found = select(Robustness).where(Robustness.status.in_(OPEN), free).order_by(Robustness.created_at.desc())
    return session.scalars(found.limit(max(0, limit))).all()


def held(session: Session) -> Sequence[Robustness]:
    """What is open and has a workflow."""
    by_workflow = Robustness.lease_owner.startswith(WORKFLOW_PREFIX, autoescape=True)
    return session.scalars(select(Robustness).where(Robustness.status.in_(OPEN), by_workflow)).all()


def link(session: Session, asked: Robustness, workflow_name: str, *, now: datetime) -> bool:
    """→ RUNNING by a workflow; false where it has ended or is asked for again."""
    values = {
        "status": Status.RUNNING,
        "lease_owner": workflow_name,
        "lease_until": now + _LONGEST_WORKFLOW,
    }
    return changed_rows(session, update(Robustness).where(_same(asked)).values(**values)) == 1


def succeed_asked(session: Session, asked: Robustness, *, answer: Mapping[str, Any], now: datetime) -> bool:
    """As `succeed`; false also where it is asked for again since."""
    return _end(session, _same(asked), Status.SUCCEEDED, now, answer=dict(answer))


def fail_asked(session: Session, asked: Robustness, *, code: str, message: str, now: datetime) -> bool:
    """As `fail`; false also where it is asked for again since."""
    values = {"answer": None, "error_code": code, "error_message": message}
    return _end(session, _same(asked), Status.FAILED, now, **values)


def succeed(session: Session, run_id: str, *, answer: Mapping[str, Any], now: datetime) -> bool:
    """RUNNING → SUCCEEDED with what was found; false where it is not open."""
    return _end(session, _open(run_id), Status.SUCCEEDED, now, answer=dict(answer))


def fail(session: Session, run_id: str, *, code: str, message: str, now: datetime) -> bool:
    """→ FAILED with a message that says what to do; false where it is not open."""
    values = {"answer": None, "error_code": code, "error_message": message}
    return _end(session, _open(run_id), Status.FAILED, now, **values)


def _end(session: Session, which: ColumnElement[bool], status: Status, now: datetime, **values: Any) -> bool:
    values |= {"status": status, "completed_at": now, "lease_owner": None, "lease_until": None}
    return changed_rows(session, update(Robustness).where(which).values(**values)) == 1


def _same(asked: Robustness) -> ColumnElement[bool]:
    return and_(_open(asked.run_id), Robustness.created_at == asked.created_at)


def _open(run_id: str) -> ColumnElement[bool]:
    return and_(Robustness.run_id == run_id, Robustness.status.in_(OPEN))
