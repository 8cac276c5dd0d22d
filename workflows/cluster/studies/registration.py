"""Registers a study that a workflow was submitted for: a row like the web's, or one that says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from backtest.studies.request import StudyLimits, StudyRequest
from config.settings import Settings
from store.models import OPEN, Status, Study
from store.queries import audit, datasets
from store.queries.audit import Action, Actor
from store.queries.studies import chunks, studies, workflow_links
from store.session import Database
from workflows.cluster import parameters
from workflows.cluster.registration import WorkflowSubmission
from workflows.cluster.studies.form import STUDY, names_alone
from workflows.errors import RunDiffers
from workflows.studies import submission

_LONGEST = 4_000
_ACCEPTED = StudyLimits(trials=2**62, simulations=2**62)


def register(settings: Settings, database: Database, submitted: WorkflowSubmission, *, now: datetime) -> bool:
    """Make sure that the study has a row, is RUNNING and names its workflow; true where the row is new.

    Raises
    ------
    InvalidRequest
        If the arguments are no request: see `refuse`.
    RunDiffers
        If the row is of another request, is executed by another workflow, or has nothing left to execute.
    """
    with database.read() as session:
        known = studies.find(session, submitted.run_id)
        if known is not None:
            _check_same(session, known, submitted)
    asked = None if known is not None else _asked(settings, database, submitted)
    with database.write() as session:
        if asked is not None:
            studies.submit(session, asked, now=now)
        _begin(session, studies.get(session, submitted.run_id), submitted, now)
    return known is None


def refuse(session: Session, submitted: WorkflowSubmission, reason: str, *, now: datetime) -> bool:
    """Add the row of a workflow whose arguments are no request: FAILED, with the sentence that the web would answer.

    False where the study has a row already, which stays what it is.
    """
    if studies.find(session, submitted.run_id) is not None:
        return False
    read = parameters.readable(submitted.arguments, STUDY)
    row = studies.Refused(
        study_id=submitted.run_id,
        received=_received(read, submitted.arguments),
        symbols=read["symbols"].split(",")[:20] if read["symbols"] else [],
        rule_type=(read["rule_type"] or "")[:64],
        message=reason[:_LONGEST],
        workflow_name=submitted.workflow_name,
        workflow_uid=submitted.workflow_uid,
    )
    studies.add_refused(session, row, now=now)
    return True


def _received(read: Mapping[str, Any], arguments: Mapping[str, str]) -> dict[str, Any]:
    """What pages show of it: the fields as they were given, the search space as far as it can be read."""
    given = {name: value[:_LONGEST] for name, value in arguments.items() if value}
    return given | {"space": read["space"] or {}}


def _asked(settings: Settings, database: Database, submitted: WorkflowSubmission) -> studies.Submission:
    raw, hashes = parameters.read(submitted.arguments, submitted.run_id, STUDY)
    prepared = submission.prepare(raw, settings=settings, database=database, hashes=hashes)
    return submission.asked_of(prepared, settings)


def _check_same(session: Session, study: Study, submitted: WorkflowSubmission) -> None:
    """Raise where the row is of another request; what is allowed by now does not matter: it was accepted."""
    if not study.chunks:
        raise RunDiffers(str(study.error_message))
    if names_alone(submitted.arguments):
        return
    raw, hashes = parameters.read(submitted.arguments, submitted.run_id, STUDY)
    request = StudyRequest.parse(raw, limits=_ACCEPTED)
    request = request.spelled(datasets.spellings(session, request.run.read_symbols))
    if studies.request_hash(request) != study.request_hash or (hashes and hashes != study.data_hashes):
        raise RunDiffers(
            f"these are not the arguments of study {study.study_id}. Empty study_id and data_hashes to execute them "
            "as a study of their own."
        )


def _begin(session: Session, study: Study, submitted: WorkflowSubmission, now: datetime) -> None:
    """→ RUNNING by this workflow; a study that ended with something missing is completed, as Argo's Retry asks for."""
    if study.status == Status.CANCELLED:
        raise RunDiffers(f"study {study.study_id} was cancelled; finish it on its page")
    if study.status not in OPEN:
        _reopen(session, study, submitted, now)
    if not workflow_links.link(session, study.study_id, submitted.workflow_name, submitted.workflow_uid):
        raise RunDiffers(f"study {study.study_id} is being executed by workflow {study.workflow_name}")
    studies.start(session, study.study_id, now=now)


def _reopen(session: Session, study: Study, submitted: WorkflowSubmission, now: datetime) -> None:
    if not studies.resume(session, study.study_id):
        raise RunDiffers(
            f"study {study.study_id} is {study.status} and complete; empty study_id to execute it again"
        )
    chunks.forget_failures(session, study.study_id)
    actor = Actor("argo", submitted.workflow_name)
    audit.record(session, actor, Action.STUDY_FINISH, study.study_id, now=now)
