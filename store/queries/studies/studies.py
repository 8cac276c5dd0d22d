"""Studies: submitted, moved from state to state, listed, deleted. The caller owns the transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Update, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from backtest.studies.plan import Plan
from backtest.studies.request import StudyLimits, StudyRequest, WalkForward
from backtest.studies.segments import simulated_bars
from store import packing
from store.errors import Conflict, UnknownStudy
from store.models import OPEN, Status, Study
from store.queries import quotas
from store.queries.quotas import Quota
from store.queries.statements import changed_rows
from store.queries.studies import ledger

_ACCEPTED = StudyLimits(trials=2**62, simulations=2**62)
"""A study that was accepted is executed, whatever is allowed by now."""
MEASURED_BARS = 20_000_000
"""Simulated bars from which on a study tells how quick its rule is: less of them is lost in what any study takes."""
MOST_MISSING = 0.05
"""The share of chunks that may be missing before the study has no result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A valid request with its trials and everything that is stored beside it."""

    planned: Plan
    bars: int
    timeframe: str
    simulations: int
    chunks: int
    data_hashes: Mapping[str, str]
    pods: int | None = None
    idempotency_key: str | None = None
    image_tag: str | None = None
    client: str | None = None

    @property
    def request(self) -> StudyRequest:
        """What is asked for."""
        return self.planned.request

    @property
    def stored_key(self) -> str | None:
        """The key of this client, as it is unique among all of them."""
        if self.idempotency_key is None:
            return None
        return hashlib.sha256(f"{self.client or ''}\n{self.idempotency_key}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A study that was submitted in Argo with a mistake: what of it can be read, and its error message."""

    study_id: str
    received: Mapping[str, Any]
    symbols: Sequence[str]
    rule_type: str
    message: str
    workflow_name: str
    workflow_uid: str


def request_hash(request: StudyRequest) -> str:
    """SHA-256 of what is asked for, whatever the study is called."""
    return ledger.hash_of(request.as_json() | {"study_id": ""})


def submit(
    session: Session, submission: Submission, *, quota: Quota | None = None, now: datetime
) -> tuple[Study, bool]:
    """Add the study as PENDING; an id or idempotency key that was used for the same request gives that study.

    Raises
    ------
    Conflict
        If the id or the key was already used for a different request.
    QuotaExceeded
        If the study is new and its client has used up the quota.
    """
    if existing := _same(session, submission):
        return existing, False
    if submission.client and quota and quota.is_set:
        quotas.spend_one(session, submission.client, quota, now=now)
    try:
        with session.begin_nested():
            study = _new(submission, now)
            session.add(study)
            session.flush()
        return study, True
    except IntegrityError:
        if existing := _same(session, submission):
            return existing, False
        raise


def add_refused(session: Session, refused: Refused, *, now: datetime) -> None:
    """Add the row of a study that has no trials: FAILED from the beginning."""
    session.add(
        Study(
            study_id=refused.study_id,
            status=Status.FAILED,
            created_at=now,
            completed_at=now,
            error_code="invalid_request",
            error_message=refused.message,
            kind="sweep",
            symbols=list(refused.symbols),
            rule_type=refused.rule_type,
            timeframe="",
            request=dict(refused.received),
            request_hash=ledger.hash_of(refused.received),
            data_hashes={},
            numbers=packing.pack(b""),
            bars=0,
            trials=0,
            refused=0,
            simulations=0,
            chunks=0,
            workflow_name=refused.workflow_name,
            workflow_uid=refused.workflow_uid,
        )
    )
    session.flush()


def find(session: Session, study_id: str) -> Study | None:
    """The study of that id, or None."""
    return session.get(Study, study_id)


def get(session: Session, study_id: str) -> Study:
    """The study of that id, or `UnknownStudy`."""
    study = find(session, study_id)
    if study is None:
        raise UnknownStudy(f"there is no study {study_id}")
    return study


def summary_of(session: Session, study_id: str) -> dict[str, Any] | None:
    """What was found; None while there is no result."""
    found: dict[str, Any] | None = session.scalar(select(Study.summary).where(Study.study_id == study_id))
    return found


def plan_of(session: Session, study_id: str) -> Plan:
    """The trials of a study as they were found when it was submitted."""
    query = select(Study).where(Study.study_id == study_id).options(undefer(Study.numbers))
    study = session.scalars(query.execution_options(populate_existing=True)).first()
    if study is None:
        raise UnknownStudy(f"there is no study {study_id}")
    if not study.chunks:
        raise Conflict(f"study {study_id} was refused and has no trials: {study.error_message}")
    steps = np.frombuffer(packing.unpack(study.numbers), "<i8")
    return Plan(StudyRequest.parse(study.request, limits=_ACCEPTED), np.cumsum(steps), study.refused)


def listed(
    session: Session, *, after: tuple[datetime, str] | None = None, limit: int = 50
) -> tuple[Sequence[Study], tuple[datetime, str] | None]:
    """Studies, the newest first, and the cursor behind which the next page begins."""
    query = select(Study)
    if after is not None:
        moment, study_id = after
        older = or_(Study.created_at < moment, Study.study_id < study_id)
        query = query.where(Study.created_at <= moment, older)
    found = session.scalars(
        query.order_by(Study.created_at.desc(), Study.study_id.desc()).limit(limit + 1)
    ).all()
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], (last.created_at, last.study_id) if last else None


def seconds_a_bar(session: Session, rule_type: str, *, overhead: float) -> float | None:
    """How long one simulated bar of a symbol took in the last large study of a rule; None where there was none.

    Parameters
    ----------
    overhead : seconds of a study that do not depend on its size
    """
    timed = (
        Study.rule_type == rule_type, Study.status == Status.SUCCEEDED, Study.attempts == 1,
        Study.trials * Study.bars >= MEASURED_BARS, Study.started_at.is_not(None), Study.completed_at.is_not(None),
    )  # fmt: skip
    last = session.scalars(select(Study).where(*timed).order_by(Study.created_at.desc()).limit(1)).first()
    if last is None or last.started_at is None or last.completed_at is None:
        return None
    seconds = (last.completed_at - last.started_at).total_seconds() - overhead
    walk = last.request["walk_forward"]
    each = simulated_bars(WalkForward(**walk) if walk else None, last.bars)
    return max(seconds, 0.0) / (last.trials * each * len(last.symbols))


def waiting_before(session: Session, study: Study) -> int:
    """How many PENDING studies are older than this one."""
    earlier = and_(Study.status == Status.PENDING, Study.created_at < study.created_at)
    return session.scalar(select(func.count()).select_from(Study).where(earlier)) or 0


def start(session: Session, study_id: str, *, now: datetime) -> bool:
    """PENDING → RUNNING; true also for a study that is RUNNING already: its worker may have died."""
    pending = and_(Study.study_id == study_id, Study.status == Status.PENDING)
    first = {"started_at": func.coalesce(Study.started_at, now)}
    if _changed(session, update(Study).where(pending).values(status=Status.RUNNING, **first)):
        return True
    return get(session, study_id).status == Status.RUNNING


def succeed(
    session: Session, study_id: str, *, summary: Mapping[str, Any], result_hash: str, now: datetime
) -> bool:
    """RUNNING → SUCCEEDED with what was found; false where it is not RUNNING."""
    done = {"summary": dict(summary), "result_hash": result_hash, "progress": 1.0}
    return _end(session, study_id, (Status.RUNNING,), now, status=Status.SUCCEEDED, **done)


def fail(session: Session, study_id: str, *, code: str, message: str, now: datetime) -> bool:
    """→ FAILED with a message that says what to do; false where the study has ended already."""
    return _end(session, study_id, OPEN, now, status=Status.FAILED, error_code=code, error_message=message)


def cancel(session: Session, study_id: str, *, now: datetime) -> bool:
    """→ CANCELLED; what was computed stays, and can be completed later."""
    reason = {"error_code": "cancelled", "error_message": "Cancelled on request."}
    return _end(session, study_id, OPEN, now, status=Status.CANCELLED, **reason)


def resume(session: Session, study_id: str) -> bool:
    """An ended study with missing chunks → PENDING, to execute those alone; false where nothing is missing."""
    incomplete = and_(
        Study.study_id == study_id,
        Study.status.not_in(OPEN),
        Study.chunks > 0,
        or_(Study.done_chunks < Study.chunks, Study.summary.is_(None)),
    )
    values: dict[str, Any] = {
        "status": Status.PENDING, "completed_at": None, "error_code": None, "error_message": None,
        "missing_chunks": 0, "attempts": 0, "result_hash": None, "summary": None,
        "workflow_name": None, "workflow_uid": None,
    }  # fmt: skip
    return _changed(session, update(Study).where(incomplete).values(**values))


def remove(session: Session, study_id: str) -> None:
    """Delete an ended study with its chunks; `Conflict` while it is open. The ledger keeps what was tried."""
    study = get(session, study_id)
    if not study.ended:
        raise Conflict(f"study {study_id} is {study.status}: cancel it before deleting it")
    session.execute(delete(Study).where(Study.study_id == study_id))


def _same(session: Session, submission: Submission) -> Study | None:
    """The study of the same id or key; `Conflict` where that was asked for something else."""
    study = find(session, submission.request.study_id)
    if study is None and submission.stored_key is not None:
        study = session.scalars(select(Study).where(Study.idempotency_key == submission.stored_key)).first()
    if study is None:
        return None
    if study.request_hash != request_hash(submission.request):
        raise Conflict(f"study {study.study_id} has the same id or key and another request: use a new one")
    return study


def _new(submission: Submission, now: datetime) -> Study:
    planned, request = submission.planned, submission.request
    steps = np.diff(planned.numbers, prepend=np.int64(0)).astype("<i8")
    return Study(
        study_id=request.study_id,
        status=Status.PENDING,
        created_at=now,
        kind=request.kind,
        symbols=list(request.run.symbols),
        rule_type=request.run.rule_type,
        timeframe=submission.timeframe,
        request=request.as_json(),
        request_hash=request_hash(request),
        data_hashes=dict(submission.data_hashes),
        numbers=packing.pack(steps.tobytes()),
        bars=submission.bars,
        trials=planned.trials,
        refused=planned.refused,
        simulations=submission.simulations,
        chunks=submission.chunks,
        pods=submission.pods,
        image_tag=submission.image_tag,
        client=submission.client,
        idempotency_key=submission.stored_key,
    )


def _end(session: Session, study_id: str, before: Sequence[Status], now: datetime, **values: Any) -> bool:
    values |= {"completed_at": now, "lease_owner": None, "lease_until": None}
    where = and_(Study.study_id == study_id, Study.status.in_(before))
    return _changed(session, update(Study).where(where).values(**values))


def _changed(session: Session, statement: Update) -> bool:
    return changed_rows(session, statement) == 1
