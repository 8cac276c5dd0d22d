"""Reconciles rows and workflows after any failure of either side."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from backtest.engine import ENGINE_VERSION
from backtest.errors import InvalidRequest
from config import logs
from store.models import Status
from store.queries import runs, workflow_links
from store.queries.workflow_links import OpenRun
from store.session import Database
from workflows.cluster import registration
from workflows.cluster.argo_client import Argo, Kind, WorkflowStatus
from workflows.cluster.dispatcher import ClusterLimits, Dispatcher
from workflows.cluster.robustness.robustness_reconciler import RobustnessReconciler
from workflows.cluster.studies.study_reconciler import StudyReconciler
from workflows.cluster.workflow_details import WorkflowDetails
from workflows.cluster.workflow_messages import WorkflowMessages
from workflows.errors import RunDiffers
from workflows.failures import Failure

VANISHED = Failure(
    "workflow_vanished",
    "The workflow of this run was deleted in the cluster before it had ended. Submit the run again.",
)
NOTHING_STORED = Failure(
    "nothing_stored",
    "The workflow ended as Succeeded, but no result was stored. Submit the run again; the workflow's log has "
    "the details under this run id.",
)
_SHORTEST_LIFE_SECONDS: Final = 3.0
"""A workflow takes longer than this: looks that are no further apart list each while it is executed."""
_FULL_LOOK_SECONDS: Final = 30.0
"""The least time between two looks at everything, whose cost grows with the workflows that Argo keeps."""
log = logs.get(__name__)


class Reconciler:
    """Compares the database with Argo; where Argo is unavailable nothing is changed."""

    def __init__(
        self, database: Database, argo: Argo, messages: WorkflowMessages, limits: ClusterLimits
    ) -> None:
        self._database, self._argo, self._messages = database, argo, messages
        self._details = WorkflowDetails(argo)
        self._dispatcher = Dispatcher(database, argo, limit=limits.workflows)
        self._studies = StudyReconciler(database, argo, self._details, messages, limits)
        self._robustness = RobustnessReconciler(database, argo, self._details, messages)
        self._invalid: set[str] = set()
        self._looked_at = self._looked_at_all_at = -math.inf
        self._is_behind = True

    def once(self, *, everything: bool = False) -> None:
        """Give every workflow its row, move every open row to where its workflow stands, start waiting runs.

        Of the workflows that have ended those of open rows are read; with `everything` all are, and also where one
        may have come and gone unseen: at the first look, and after looks that failed or took long.
        """
        # before the rows are read: a workflow that is gone by then has stored its result
        listed = self._listed(everything)
        workflows = _of_kind("run", listed)
        self._details.forget_all_but({workflow.uid for workflow in listed})
        self._register(workflows)
        with self._database.read() as session:
            open_runs = workflow_links.open_runs(session)
        for run in open_runs:
            with logs.about(run.run_id):
                self._follow(run, workflows)
        self._stop_cancelled(workflows)
        self._dispatcher.start_waiting()
        self._studies.once(_of_kind("study", listed))
        self._robustness.once(_of_kind("robustness", listed))
        self._set_messages(listed)

    def _listed(self, everything: bool) -> Sequence[WorkflowStatus]:
        now = time.monotonic()
        self._is_behind |= now - self._looked_at > _SHORTEST_LIFE_SECONDS
        is_due = self._is_behind and now - self._looked_at_all_at > _FULL_LOOK_SECONDS
        listed = self._argo.list(finished=everything or is_due)
        self._looked_at = now
        if everything or is_due:
            self._looked_at_all_at, self._is_behind = now, False
        return listed

    def _set_messages(self, workflows: Sequence[WorkflowStatus]) -> None:
        for workflow in workflows:
            self._messages.set(workflow)
        self._messages.set_due({workflow.name for workflow in workflows if not workflow.finished})

    def _register(self, workflows: Sequence[WorkflowStatus]) -> None:
        """Make sure that every workflow's run has a row, and that the row names a workflow."""
        with self._database.read() as session:
            known = workflow_links.registered_among(session, [workflow.run_id for workflow in workflows])
        for workflow in workflows:
            if workflow.run_id not in known and workflow.uid not in self._invalid:
                with logs.about(workflow.run_id):
                    self._register_one(workflow)

    def _register_one(self, listed: WorkflowStatus) -> None:
        workflow = self._details.of(listed)
        if workflow is None:
            return
        submission = registration.WorkflowSubmission.of(listed, workflow)
        try:
            with self._database.write() as session:
                if registration.register(session, submission, now=datetime.now(UTC)):
                    log.info("run of the Argo UI registered", workflow=workflow.name)
        except InvalidRequest as invalid:
            self._refuse(submission, invalid)
        except RunDiffers as error:
            self._not_of_its_run(submission, error)

    def _refuse(self, submission: registration.WorkflowSubmission, invalid: InvalidRequest) -> None:
        with self._database.write() as session:
            is_new = registration.refuse(session, submission, invalid, now=datetime.now(UTC))
        self._messages.expect(submission.workflow_name)
        if is_new:
            log.warning("run of the Argo UI refused", workflow=submission.workflow_name, error=str(invalid))
        else:
            self._not_of_its_run(submission, invalid)

    def _not_of_its_run(self, submission: registration.WorkflowSubmission, error: Exception) -> None:
        """Log it once: Argo keeps such a workflow for a day."""
        self._invalid.add(submission.workflow_uid)
        log.warning("workflow without a valid run", workflow=submission.workflow_name, error=str(error))

    def _follow(self, run: OpenRun, workflows: Sequence[WorkflowStatus]) -> None:
        """Move the row to where its workflow stands; a workflow made a moment ago is in no list yet."""
        listed = next((workflow for workflow in workflows if workflow.uid == run.workflow_uid), None)
        workflow = self._details.of(listed) if listed else self._argo.find(run.workflow_name)
        if workflow is None:
            self._end(run, workflows, VANISHED)
        elif workflow.phase == "Succeeded":
            self._end(run, workflows, NOTHING_STORED)
        elif workflow.finished:
            self._end(run, workflows, self._details.failure_of(workflow))
            self._messages.set(workflow)
        elif workflow.is_deleted:
            self._argo.stop(workflow.name)
            self._end(run, workflows, VANISHED)
        else:
            self._report(run, workflow)

    def _end(self, run: OpenRun, workflows: Sequence[WorkflowStatus], failure: Failure) -> None:
        """FAILED, unless another workflow of the same run is still at work."""
        others = (
            workflow for workflow in workflows if workflow.run_id == run.run_id and not workflow.finished
        )
        other = next((workflow for workflow in others if workflow.uid != run.workflow_uid), None)
        with self._database.write() as session:
            if other is not None:
                workflow_links.relink(session, run.run_id, other.name, other.uid)
                log.info("run linked to another workflow", workflow=other.name)
                return
            now = datetime.now(UTC)
            if runs.fail(session, run.run_id, code=failure.code, message=failure.message, now=now):
                log.warning("run FAILED", error_code=failure.code, error=failure.message)

    def _report(self, run: OpenRun, workflow: WorkflowStatus) -> None:
        stage, progress = _stage(workflow)
        if stage in (run.stage, "queued"):
            return
        with self._database.write() as session:
            if run.status == Status.PENDING:
                runs.start(session, run.run_id, engine_version=ENGINE_VERSION, now=datetime.now(UTC))
            runs.report(session, run.run_id, stage=stage, progress=progress)

    def _stop_cancelled(self, workflows: Sequence[WorkflowStatus]) -> None:
        running = [workflow for workflow in workflows if not workflow.finished]
        ids = [workflow.run_id for workflow in running]
        with self._database.read() as session:
            cancelled = workflow_links.cancelled_among(session, ids)
        for workflow in running:
            if workflow.run_id in cancelled:
                with logs.about(workflow.run_id):
                    log.info("workflow of a cancelled run stopped", workflow=workflow.name)
                    self._argo.stop(workflow.name)


def _of_kind(kind: Kind, workflows: Sequence[WorkflowStatus]) -> list[WorkflowStatus]:
    return [workflow for workflow in workflows if workflow.kind == kind]


def _stage(workflow: WorkflowStatus) -> tuple[str, float]:
    """How far a running workflow is."""
    if workflow.phase_of("persist") in ("Running", "Succeeded"):
        return "storing", 0.9
    engine = workflow.phase_of("engine")
    if engine == "Succeeded":
        return "storing", 0.8
    return ("computing", 0.3) if engine == "Running" else ("queued", 0.0)
