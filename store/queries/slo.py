"""Measures the service level objective of runs: 95 of 100 submitted runs succeed within five minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.models import Run, Status

OBJECTIVE = timedelta(minutes=5)
WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SloStatus:
    """Runs submitted in the hour before the last five minutes, and how many of them met the objective."""

    due: int
    on_time: int
    oldest_pending_seconds: float


def measure(session: Session, *, now: datetime) -> SloStatus:
    """The status at this moment; a cancelled run does not count."""
    last = now - OBJECTIVE
    submitted = select(Run.status, Run.created_at, Run.completed_at).where(
        Run.created_at > last - WINDOW, Run.created_at <= last, Run.status != Status.CANCELLED
    )
    rows = session.execute(submitted).all()
    on_time = sum(
        status == Status.SUCCEEDED and ended is not None and ended - created <= OBJECTIVE
        for status, created, ended in rows
    )
    oldest = session.scalar(
        select(Run.created_at).where(Run.status == Status.PENDING).order_by(Run.created_at).limit(1)
    )
    waits = 0.0 if oldest is None else max(0.0, (now - oldest.astimezone(UTC)).total_seconds())
    return SloStatus(len(rows), on_time, waits)
