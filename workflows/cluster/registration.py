"""A run submitted in Argo Workflows has no row yet: it gets the one that the web would have made."""

from __future__ import annotations

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
class Asked:
    """What a workflow was asked to run, and which workflow it is."""

    run_id: str
    arguments: Mapping[str, str]
    workflow_name: str
    workflow_uid: str


def register(session: Session, asked: Asked, *, now: datetime) -> bool:
    """See to it that the run has a row that knows its workflow; true where the row is new.

    Raises `InvalidRequest` where the arguments are no request: such a run cannot be shown.
    """
    known = runs.find(session, asked.run_id)
    if known is None:
        _add(session, asked, now)
    if known is None or known.workflow_uid is None:
        workflow_links.link(session, asked.run_id, asked.workflow_name, asked.workflow_uid)
    return known is None


def _add(session: Session, asked: Asked, now: datetime) -> None:
    raw, hashes = parameters.read(asked.arguments, asked.run_id)
    request = RunRequest.parse(raw)
    received = {name: value for name, value in asked.arguments.items() if value}
    try:
        pinned = hashes or submission.pin(session, request).hashes
    except BacktestError:
        pinned = {}  # the engine step will say what is wrong with the prices
    wanted = runs.Submission(request=request, received=received, data_hashes=pinned or None)
    runs.submit(session, wanted, now=now)
