"""Studies and the workflows that execute them: which waits for one, which has one, whose turn it is.

The caller owns the transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from store.models import OPEN, Status, Study
from store.queries.statements import changed_rows

_HAS_WORKFLOW = and_(Study.status.in_(OPEN), Study.workflow_uid.is_not(None))
_HAS_NONE = and_(Study.status.in_(OPEN), Study.workflow_uid.is_(None))


@dataclass(frozen=True, slots=True)
class OpenStudy:
    """A study that has not ended and has a workflow; `pods` is among how many it is shared, where that is known."""

    study_id: str
    client: str | None
    progress: float
    pods: int | None
    workflow_name: str
    workflow_uid: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A study that waits for a workflow, the first one or one that executes what others have left."""

    study_id: str
    client: str | None
    workflows: int
    pods: int | None


def link(session: Session, study_id: str, workflow_name: str, workflow_uid: str) -> bool:
    """Note which workflow executes an open study; true where it is this one: of several the first one stays."""
    free = and_(_HAS_NONE, Study.study_id == study_id)
    values = {"workflow_name": workflow_name, "workflow_uid": workflow_uid}
    changed_rows(session, update(Study).where(free).values(**values, workflows=Study.workflows + 1))
    return session.scalar(select(Study.workflow_uid).where(Study.study_id == study_id)) == workflow_uid


def unlink(session: Session, study_id: str, workflow_uid: str) -> None:
    """Its workflow has executed its part: the study waits for the next one."""
    mine = (Study.study_id == study_id, Study.workflow_uid == workflow_uid)
    values = {"workflow_name": None, "workflow_uid": None}
    changed_rows(session, update(Study).where(*mine).values(**values))


def has(session: Session, study_id: str, workflow_uid: str) -> bool:
    """Whether the study is open and this workflow executes it."""
    mine = and_(_HAS_WORKFLOW, Study.study_id == study_id, Study.workflow_uid == workflow_uid)
    return session.scalar(select(Study.study_id).where(mine)) is not None


def share(session: Session, study_id: str, pods: int) -> None:
    """Note among how many pods the study is shared."""
    changed_rows(session, update(Study).where(Study.study_id == study_id).values(pods=pods))


def report(session: Session, study_id: str, progress: float) -> None:
    """Note how far the workflow of an open study is; progress never falls."""
    behind = and_(_HAS_WORKFLOW, Study.study_id == study_id, Study.progress < progress)
    changed_rows(session, update(Study).where(behind).values(progress=progress))


def open_studies(session: Session) -> list[OpenStudy]:
    """The open studies that have a workflow, oldest first."""
    found = session.scalars(select(Study).where(_HAS_WORKFLOW).order_by(Study.created_at))
    return [
        OpenStudy(
            study_id=study.study_id,
            client=study.client,
            progress=study.progress,
            pods=study.pods,
            workflow_name=study.workflow_name or "",
            workflow_uid=study.workflow_uid or "",
        )
        for study in found
    ]


def waiting(session: Session) -> list[Waiting]:
    """The open studies without a workflow in the order in which it is their turn.

    Next is always the client of whose studies the fewest have a workflow, and of its studies the oldest: a client
    that submits many waits for its own. Submissions without a name are those of one client.
    """
    columns = (Study.study_id, Study.client, Study.workflows, Study.pods)
    found = session.execute(select(*columns).where(_HAS_NONE).order_by(Study.created_at, Study.study_id))
    held = Counter(session.scalars(select(Study.client).where(_HAS_WORKFLOW)))
    return _in_turn([Waiting(*row) for row in found], held)


def _in_turn(oldest_first: Sequence[Waiting], held: Counter[str | None]) -> list[Waiting]:
    places: Counter[str | None] = Counter(held)
    ranked = []
    for age, study in enumerate(oldest_first):
        ranked.append((places[study.client], age, study))
        places[study.client] += 1
    return [study for _, _, study in sorted(ranked, key=lambda each: each[:2])]


def cancelled_among(session: Session, study_ids: Collection[str]) -> set[str]:
    """Those of the studies that are CANCELLED."""
    among = (Study.study_id.in_(study_ids), Study.status == Status.CANCELLED)
    return set(session.scalars(select(Study.study_id).where(*among)))


def known_among(session: Session, study_ids: Collection[str]) -> set[str]:
    """Those of the studies that have a row."""
    return set(session.scalars(select(Study.study_id).where(Study.study_id.in_(study_ids))))
