"""Runs: submitted, moved from state to state, annotated, deleted. The caller owns the transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Update, and_, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backtest.run.request import OPTION_FIELDS, RunRequest
from backtest.simulation.config import ENGINE_FIELDS
from store.errors import Conflict, UnknownRun
from store.models import OPEN, Run, RunSymbol, Status
from store.queries import quotas
from store.queries.quotas import Quota
from store.queries.statements import changed_rows

_ANNOTATIONS = {"name", "notes", "tags", "starred"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A valid request with everything that is stored beside it."""

    request: RunRequest
    received: Mapping[str, Any]
    data_hash: str | None = None
    data_hashes: Mapping[str, str] | None = None
    idempotency_key: str | None = None
    image_tag: str | None = None
    client: str | None = None
    verifies: str | None = None
    """The run that is executed again by this one, to be compared with it."""
    study: tuple[str, int] | None = None
    """The study and the number of its trial that this run is."""


def submit(
    session: Session, submission: Submission, *, quota: Quota | None = None, now: datetime
) -> tuple[Run, bool]:
    """Add the run as PENDING; a run id or idempotency key that was used for the same request gives that run.

    Raises
    ------
    Conflict
        If the id or the key was already used for a different request.
    QuotaExceeded
        If the run is new and its client has used up the quota.
    """
    limited = submission.client if quota and quota.is_set else None
    account = quotas.account(session, limited, now=now) if limited else None
    if existing := _same(session, submission):
        return existing, False
    if account is not None and quota is not None:
        quotas.spend(session, account, quota, now=now)
    try:
        with session.begin_nested():
            run = _new(submission, now)
            session.add(run)
            session.flush()
            session.add_all(
                RunSymbol(symbol=symbol, run_id=run.run_id) for symbol in submission.request.symbols
            )
        return run, True
    except IntegrityError:
        if existing := _same(session, submission):
            return existing, False
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request with a mistake that reached the cluster: what can be read of it, and what is wrong."""

    run_id: str
    values: Mapping[str, Any]
    """Every field of `REQUEST_FIELDS`."""
    received: Mapping[str, Any]
    message: str
    workflow_name: str
    workflow_uid: str


def add_refused(session: Session, refused: Refused, *, now: datetime) -> None:
    """Add a run that is FAILED from the beginning, so that its mistake can be seen and corrected."""
    columns = {name: value for name, value in refused.values.items() if name != "run_id"}
    columns |= {"symbols": list(columns["symbols"]), "benchmark": columns["benchmark"] or None}
    run = Run(
        run_id=refused.run_id,
        created_at=now,
        completed_at=now,
        status=Status.FAILED,
        error_code="invalid_request",
        error_message=refused.message,
        received=dict(refused.received),
        workflow_name=refused.workflow_name,
        workflow_uid=refused.workflow_uid,
        **columns,
    )
    session.add(run)
    session.flush()
    session.add_all(RunSymbol(symbol=symbol, run_id=run.run_id) for symbol in run.symbols)


def find(session: Session, run_id: str) -> Run | None:
    """The run of that id, or None."""
    return session.get(Run, run_id)


def get(session: Session, run_id: str) -> Run:
    """The run of that id, or `UnknownRun`."""
    run = find(session, run_id)
    if run is None:
        raise UnknownRun(f"there is no run {run_id}")
    return run


def request_of(run: Run) -> RunRequest:
    """The request with every field of it; its rule is looked for by what executes it alone."""
    return RunRequest.parse(request_json(run), check_rule=False)


def request_json(run: Run) -> dict[str, Any]:
    """The request as JSON, from the columns."""
    return {
        "symbols": run.symbols,
        "rule_type": run.rule_type,
        "params": run.params,
        "start_date": run.start_date.isoformat(),
        "end_date": run.end_date.isoformat(),
        **{spec.name: getattr(run, spec.name) for spec in OPTION_FIELDS},
        "benchmark": run.benchmark,
        "run_id": run.run_id,
    }


def start(session: Session, run_id: str, *, engine_version: int, now: datetime) -> bool:
    """PENDING → RUNNING; true also for a run that is RUNNING already: a step is repeated after a crash."""
    values = {"status": Status.RUNNING, "stage": "loading", "progress": 0.0, "engine_version": engine_version}
    pending = and_(Run.run_id == run_id, Run.status == Status.PENDING)
    if _changed(session, update(Run).where(pending).values(started_at=now, **values)):
        return True
    return _changed(
        session, update(Run).where(Run.run_id == run_id, Run.status == Status.RUNNING).values(**values)
    )


def report(session: Session, run_id: str, *, stage: str, progress: float) -> bool:
    """Store the progress of an open run: a stage, and a fraction of the whole."""
    open_run = and_(Run.run_id == run_id, Run.status.in_(OPEN))
    return _changed(session, update(Run).where(open_run).values(stage=stage, progress=progress))


def fail(session: Session, run_id: str, *, code: str, message: str, now: datetime) -> bool:
    """→ FAILED with a message that says what to do; false where the run has ended already."""
    return _end(session, run_id, OPEN, now, status=Status.FAILED, error_code=code, error_message=message)


def cancel(session: Session, run_id: str, *, now: datetime) -> bool:
    """→ CANCELLED; false where the run has ended already."""
    message = "Cancelled on request."
    return _end(
        session, run_id, OPEN, now, status=Status.CANCELLED, error_code="cancelled", error_message=message
    )


def succeed(session: Session, run_id: str, *, now: datetime, **values: Any) -> bool:
    """RUNNING → SUCCEEDED with its headline metrics; the result belongs in the same transaction."""
    done = {"status": Status.SUCCEEDED, "stage": "done", "progress": 1.0, **values}
    return _end(session, run_id, (Status.RUNNING,), now, **done)


def annotate(session: Session, run_id: str, **values: Any) -> Run:
    """Change name, notes, tags or star of a run."""
    if not values.keys() <= _ANNOTATIONS:
        raise ValueError(f"only {', '.join(sorted(_ANNOTATIONS))} can be changed, got {', '.join(values)}")
    run = get(session, run_id)
    for name, value in values.items():
        setattr(run, name, value)
    return run


def remove(session: Session, run_id: str) -> None:
    """Delete an ended run with its result and trades; `Conflict` while it is open."""
    run = get(session, run_id)
    if not run.ended:
        raise Conflict(f"run {run_id} is {run.status}: cancel it before deleting it")
    session.execute(delete(Run).where(or_(Run.run_id == run_id, Run.verifies == run_id)))


def of_trial(session: Session, study_id: str, trial: int, symbols: Sequence[str]) -> str | None:
    """The id of the run that a trial was opened as, unless it failed; None where there is none."""
    same = and_(Run.study_id == study_id, Run.trial == trial)
    usable = Run.status.not_in((Status.FAILED, Status.CANCELLED))
    found = session.scalars(select(Run).where(same, usable).order_by(Run.created_at.desc()))
    return next((run.run_id for run in found if run.symbols == list(symbols)), None)


def verification_of(session: Session, run_id: str) -> Run | None:
    """The newest second execution of a run, or None."""
    query = select(Run).where(Run.verifies == run_id).order_by(Run.created_at.desc(), Run.run_id).limit(1)
    return session.scalars(query).first()


def remove_verifications(session: Session, run_id: str) -> None:
    """Delete the second executions of a run that have ended: the newest one alone is of use."""
    session.execute(delete(Run).where(Run.verifies == run_id, Run.status.not_in(OPEN)))


def _same(session: Session, submission: Submission) -> Run | None:
    keys = [Run.run_id == submission.request.run_id]
    if submission.idempotency_key:
        keys.append(Run.idempotency_key == _stored_key(submission))
    run = session.scalars(select(Run).where(or_(*keys))).first()
    if run is None:
        return None
    submitted = submission.request.as_json() | {"run_id": run.run_id}
    if request_json(run) != submitted:
        key = "run_id" if run.run_id == submission.request.run_id else "Idempotency-Key"
        raise Conflict(f"this {key} was already used for a different request (run {run.run_id})")
    return run


def _stored_key(submission: Submission) -> str | None:
    """The key as it is stored: a hash of client and key, which makes it unique for each client.

    No client finds or blocks another's run by a key that it guesses. Clients without a name are one client.
    """
    if submission.idempotency_key is None:
        return None
    key = f"{submission.client or ''}\n{submission.idempotency_key}"
    return hashlib.sha256(key.encode()).hexdigest()


def _new(submission: Submission, now: datetime) -> Run:
    request = submission.request
    config = asdict(request.config)
    return Run(
        run_id=request.run_id,
        created_at=now,
        symbols=list(request.symbols),
        rule_type=request.rule_type,
        params=dict(request.params),
        start_date=request.start_date,
        end_date=request.end_date,
        risk_free_rate=request.risk_free_rate,
        benchmark=request.benchmark,
        received=dict(submission.received),
        data_hash=submission.data_hash,
        data_hashes=dict(submission.data_hashes) if submission.data_hashes else None,
        idempotency_key=_stored_key(submission),
        image_tag=submission.image_tag,
        client=submission.client,
        verifies=submission.verifies,
        study_id=submission.study[0] if submission.study else None,
        trial=submission.study[1] if submission.study else None,
        **{spec.name: config[spec.name] for spec in ENGINE_FIELDS},
    )


def _end(session: Session, run_id: str, before: Sequence[Status], now: datetime, **values: Any) -> bool:
    values |= {"completed_at": now, "lease_owner": None, "lease_until": None}
    return _changed(session, update(Run).where(Run.run_id == run_id, Run.status.in_(before)).values(**values))


def _changed(session: Session, statement: Update) -> bool:
    return changed_rows(session, statement) == 1
