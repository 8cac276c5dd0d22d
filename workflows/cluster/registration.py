"""Registers a run that was submitted in Argo Workflows: it gets the row that the web would have made."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from sqlalchemy.orm import Session

from backtest.errors import InvalidRequest
from backtest.run.request import RunRequest, readable
from store.models import Run
from store.queries import runs, workflow_links
from workflows import submission
from workflows.cluster import parameters
from workflows.errors import RunDiffers

if TYPE_CHECKING:
    from workflows.cluster.argo_client import WorkflowStatus

_LONGEST = 4_000
"""Characters of an argument or a message that the row of a refused run keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSubmission:
    """What a workflow was submitted to run, and which workflow it is."""

    run_id: str
    arguments: Mapping[str, str]
    workflow_name: str
    workflow_uid: str

    @classmethod
    def of(cls, listed: WorkflowStatus, workflow: WorkflowStatus) -> Self:
        """That of a listed workflow, with its details as Argo has them now."""
        return cls(
            run_id=listed.run_id,
            arguments=workflow.arguments,
            workflow_name=workflow.name,
            workflow_uid=workflow.uid,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that name the workflow of a pod."""
    parser.add_argument("--workflow-name", required=True)
    parser.add_argument("--workflow-uid", required=True)


def submission_of(arguments: argparse.Namespace) -> WorkflowSubmission:
    """What the workflow of this pod was submitted to run, from the pod's arguments and its environment."""
    return WorkflowSubmission(
        run_id=arguments.run_id,
        arguments=parameters.from_json(os.environ["PARAMETERS"]),
        workflow_name=arguments.workflow_name,
        workflow_uid=arguments.workflow_uid,
    )


def register(session: Session, submitted: WorkflowSubmission, *, now: datetime) -> bool:
    """Make sure that the run has a row that names its workflow; true where the row is new.

    Raises
    ------
    InvalidRequest
        If the arguments are no request: such a run cannot be shown.
    RunDiffers
        If the row is of another request: Argo's Resubmit and Retry can change arguments and keep the run's id.
    """
    known = runs.find(session, submitted.run_id)
    if known is None:
        _add(session, submitted, now)
    else:
        _check_same(session, known, submitted)
    if known is None or known.workflow_uid is None:
        workflow_links.link(session, submitted.run_id, submitted.workflow_name, submitted.workflow_uid)
    return known is None


def refuse(session: Session, submitted: WorkflowSubmission, reason: InvalidRequest, *, now: datetime) -> bool:
    """Add the row of a workflow whose arguments are no request: FAILED, with the sentence that the web would answer.

    False where the run has a row already: it was resubmitted in Argo with a mistake, and stays what it is.
    """
    if runs.find(session, submitted.run_id) is not None:
        return False
    row = runs.Refused(
        run_id=submitted.run_id,
        values=readable(parameters.readable(submitted.arguments)),
        received={name[:64]: value[:_LONGEST] for name, value in submitted.arguments.items() if value},
        message=str(reason)[:_LONGEST],
        workflow_name=submitted.workflow_name,
        workflow_uid=submitted.workflow_uid,
    )
    runs.add_refused(session, row, now=now)
    return True


def _add(session: Session, submitted: WorkflowSubmission, now: datetime) -> None:
    """Where the arguments pin no prices the row pins none: the result says which ones the engine step took."""
    raw, hashes = parameters.read(submitted.arguments, submitted.run_id)
    request = submission.spelled(session, RunRequest.parse(raw))
    received = {name: value for name, value in submitted.arguments.items() if value}
    row = runs.Submission(request=request, received=received, data_hashes=hashes or None)
    runs.submit(session, row, now=now)


def _check_same(session: Session, run: Run, submitted: WorkflowSubmission) -> None:
    raw, hashes = parameters.read(submitted.arguments, submitted.run_id)
    request = submission.spelled(session, RunRequest.parse(raw))
    here, there = runs.request_json(run), request.as_json()
    differences = [
        f"{name} is {_text(there[name])} here and {_text(here[name])} there"
        for name in here
        if here[name] != there[name]
    ]
    if hashes and run.data_hashes and hashes != run.data_hashes:
        differences.append("the prices are pinned to other versions")
    if differences:
        raise RunDiffers(
            f"these are not the arguments of run {run.run_id}: {'; '.join(differences)[:1_000]}. "
            "Empty run_id and data_hashes to run them as a run of their own."
        )


def _text(value: object) -> str:
    return str(value)[:200]
