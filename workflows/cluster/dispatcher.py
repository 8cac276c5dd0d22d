"""Starts waiting runs as workflows, oldest first, and never more at once than the cluster is meant to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from backtest.errors import InvalidRequest
from config import logs
from config.settings import Settings
from store.models import Status
from store.queries import runs, workflow_links
from store.session import Database
from workflows.cluster import parameters
from workflows.cluster.argo_client import Argo, ArgoRefused

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLimits:
    """What the namespace is meant to run at once: runs have places of their own, which no study takes.

    Parameters
    ----------
    workflows : of runs, each of one pod at a time
    pods_of_a_study : the parallelism of its WorkflowTemplate
    pods_of_studies : of all studies together
    """

    workflows: int
    pods_of_a_study: int
    pods_of_studies: int

    @classmethod
    def of(cls, settings: Settings) -> ClusterLimits:
        """The limits of an environment."""
        return cls(
            workflows=settings.max_running_workflows,
            pods_of_a_study=settings.study_pods,
            pods_of_studies=settings.max_study_pods,
        )


class Dispatcher:
    """Starts runs of one database in one Argo; several at once are safe, since workflow names derive from runs."""

    def __init__(self, database: Database, argo: Argo, *, limit: int) -> None:
        self._database, self._argo, self._limit = database, argo, limit

    def has_room_for(self, run_id: str) -> bool:
        """Whether the run may start now: the cluster has room and no run waits longer."""
        with self._database.read() as session:
            return bool(room := self._room(session)) and run_id in workflow_links.waiting(session, room)

    def start(self, run_id: str) -> bool:
        """Create the workflow of a waiting run and link it; false where the run waits no longer.

        Raises what `Argo.create` raises; the run then waits on.
        """
        with self._database.read() as session:
            run = runs.get(session, run_id)
            if run.status != Status.PENDING or run.workflow_uid:
                return False
            arguments = parameters.arguments_of(runs.request_of(run).as_json(), run.data_hashes or {})
        workflow = self._argo.create(run_id, arguments)
        with self._database.write() as session:
            workflow_links.link(session, run_id, workflow.name, workflow.uid)
        log.info("workflow submitted", workflow=workflow.name)
        return True

    def start_waiting(self) -> int:
        """Start as many waiting runs as there is room for, in their order; a refused one is FAILED."""
        with self._database.read() as session:
            waiting = workflow_links.waiting(session, self._room(session))
        started = 0
        for run_id in waiting:
            with logs.about(run_id):
                started += self._start_or_fail(run_id)
        return started

    def _start_or_fail(self, run_id: str) -> bool:
        try:
            return self.start(run_id)
        except (ArgoRefused, InvalidRequest) as refused:
            log.error("run refused by Argo Workflows", error=str(refused))
            message = f"The run could not be started: {refused}"
            with self._database.write() as session:
                runs.fail(session, run_id, code="launch_refused", message=message, now=datetime.now(UTC))
            return False

    def _room(self, session: Session) -> int:
        return max(0, self._limit - workflow_links.count_open(session))
