"""Registers a run that was submitted in Argo Workflows: it gets the row that the web would have made."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from backtest.errors import BacktestError
from backtest.run.request import RunRequest
from store.queries import runs, workflow_links
from workflows import submission
from workflows.cluster import parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSubmission:
    """What a workflow was submitted to run, and which workflow it is."""

    run_id: str
    arguments: Mapping[str, str]
    workflow_name: str
    workflow_uid: str


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

    Raises `InvalidRequest` where the arguments are no request: such a run cannot be shown.
    """
    known = runs.find(session, submitted.run_id)
    if known is None:
        _add(session, submitted, now)
    if known is None or known.workflow_uid is None:
        workflow_links.link(session, submitted.run_id, submitted.workflow_name, submitted.workflow_uid)
    return known is None


def _add(session: Session, submitted: WorkflowSubmission, now: datetime) -> None:
    raw, hashes = parameters.read(submitted.arguments, submitted.run_id)
    request = RunRequest.parse(raw)
    try:
        pinned = hashes or submission.pin(session, request).hashes
    except BacktestError:
        pinned = {}  # the engine step fails with what is wrong with the prices
    row = runs.Submission(request=request, received=request.as_json(), data_hashes=pinned or None)
    runs.submit(session, row, now=now)
