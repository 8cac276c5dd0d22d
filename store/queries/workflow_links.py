"""Runs and the workflows that execute them: which run waits for one, which has one, and which one it is.

The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from store.models import OPEN, Run, Status

_HAS_WORKFLOW = and_(Run.status.in_(OPEN), Run.workflow_uid.is_not(None))


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended and has a workflow."""

    run_id: str
    status: str
    stage: str
    workflow_name: str
    workflow_uid: str


def link(session: Session, run_id: str, workflow_name: str, workflow_uid: str) -> None:
    """Note which workflow executes an open run; of several the first one stays."""
    _note(session, run_id, workflow_name, workflow_uid, Run.workflow_uid.is_(None))


def relink(session: Session, run_id: str, workflow_name: str, workflow_uid: str) -> None:
    """Note another workflow of an open run, in place of one that is gone."""
    _note(session, run_id, workflow_name, workflow_uid)


def count_open(session: Session) -> int:
    """How many open runs have a workflow."""
    return session.scalar(select(func.count()).select_from(Run).where(_HAS_WORKFLOW)) or 0


def open_runs(session: Session) -> list[OpenRun]:
    """The open runs that have a workflow, oldest first."""
    columns = (Run.run_id, Run.status, Run.stage, Run.workflow_name, Run.workflow_uid)
    rows = session.execute(select(*columns).where(_HAS_WORKFLOW).order_by(Run.created_at))
    return [
        OpenRun(run_id, status, stage, name or "", uid or "") for run_id, status, stage, name, uid in rows
    ]


def waiting(session: Session, at_most: int) -> list[str]:
    """The PENDING runs that have no workflow yet, oldest first."""
    unlinked = select(Run.run_id).where(Run.status == Status.PENDING, Run.workflow_uid.is_(None))
    return list(session.scalars(unlinked.order_by(Run.created_at, Run.run_id).limit(at_most)))


def registered_among(session: Session, run_ids: Collection[str]) -> set[str]:
    """Those of the runs whose rows need no workflow any more: they have one, or have ended."""
    return _among(session, run_ids, or_(Run.workflow_uid.is_not(None), Run.status.not_in(OPEN)))


def reopen(
    session: Session, run_id: str, workflow_name: str, workflow_uid: str, *, now: datetime
) -> str | None:
    """FAILED → RUNNING for a workflow that was retried and has a result; the error that is forgotten, or None.

    The one step backwards that a run can take. The caller stores the result, and the error in the audit trail, in
    the same transaction.
    """
    run = session.get(Run, run_id, with_for_update=True)
    if run is None or run.status != Status.FAILED:
        return None
    error = f"{run.error_code}: {run.error_message}"
    run.status, run.error_code, run.error_message, run.completed_at = Status.RUNNING, None, None, None
    run.started_at = run.started_at or now
    run.workflow_name, run.workflow_uid = workflow_name, workflow_uid
    session.flush()
    return error


def cancelled_among(session: Session, run_ids: Collection[str]) -> set[str]:
    """Those of the runs that are CANCELLED."""
    return _among(session, run_ids, Run.status == Status.CANCELLED)


def _among(session: Session, run_ids: Collection[str], condition: ColumnElement[bool]) -> set[str]:
    return set(session.scalars(select(Run.run_id).where(Run.run_id.in_(run_ids), condition)))


def _note(session: Session, run_id: str, name: str, uid: str, *conditions: ColumnElement[bool]) -> None:
    is_open = (Run.run_id == run_id, Run.status.in_(OPEN), *conditions)
    session.execute(
        update(Run).where(*is_open).values(workflow_name=name, workflow_uid=uid),
        execution_options={"synchronize_session": False},
    )
