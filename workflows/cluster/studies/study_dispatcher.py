"""Starts waiting studies as workflows: runs go first, clients take turns, and never more pods than there is room for."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from backtest.errors import InvalidRequest
from config import logs
from store.models import OPEN
from store.queries import workflow_links as run_links
from store.queries.studies import studies, workflow_links
from store.queries.studies.workflow_links import Waiting
from store.session import Database
from workflows.cluster.argo_client import Argo, ArgoRefused
from workflows.cluster.dispatcher import ClusterLimits
from workflows.cluster.studies import form

log = logs.get(__name__)


class StudyDispatcher:
    """Starts studies of one database in one Argo; several at once are safe, since names derive from studies."""

    def __init__(self, database: Database, argo: Argo, limits: ClusterLimits) -> None:
        self._database, self._argo, self._limits = database, argo, limits

    def start_waiting(self) -> int:
        """Start the studies whose turn it is and for whose pods there is room; how many."""
        with self._database.read() as session:
            due = self._due(session)
        started = 0
        for study in due:
            with logs.about(study.study_id):
                started += self._start_or_fail(study)
        return started

    def _due(self, session: Session) -> list[Waiting]:
        """The first ones in turn that fit together; one that does not fit lets none behind it go first."""
        if run_links.waiting(session, 1):
            return []
        room = self._limits.pods_of_studies
        room -= sum(self._taken(study.pods) for study in workflow_links.open_studies(session))
        due = []
        for study in workflow_links.waiting(session):
            room -= self._taken(study.pods)
            if room < 0:
                break
            due.append(study)
        return due

    def _taken(self, pods: int | None) -> int:
        """Pods at once of a study that is shared among so many; the most that it may have where that is not known."""
        most = min(self._limits.pods_of_a_study, self._limits.pods_of_studies)
        return most if pods is None else min(most, pods)

    def _start_or_fail(self, study: Waiting) -> bool:
        try:
            return self._start(study)
        except (ArgoRefused, InvalidRequest) as refused:
            log.error("study refused by Argo Workflows", error=str(refused))
            message = f"The study could not be started: {refused}"
            with self._database.write() as session:
                now = datetime.now(UTC)
                studies.fail(session, study.study_id, code="launch_refused", message=message, now=now)
            return False

    def _start(self, study: Waiting) -> bool:
        """Create the next workflow of a study and link it; false where it waits no longer."""
        with self._database.read() as session:
            stored = studies.get(session, study.study_id)
            if stored.status not in OPEN or stored.workflow_uid:
                return False
            arguments = form.arguments_of(stored.study_id, stored.request, stored.data_hashes)
            name = name_of(stored.study_id, stored.workflows)
        workflow = self._argo.create_study(name, study.study_id, arguments)
        with self._database.write() as session:
            workflow_links.link(session, study.study_id, workflow.name, workflow.uid)
        log.info("workflow submitted", workflow=workflow.name)
        return True


def name_of(study_id: str, number: int) -> str:
    """The name of a workflow of a study: it has another one for what is left, or to be completed."""
    return f"study-{study_id}-{number}"
