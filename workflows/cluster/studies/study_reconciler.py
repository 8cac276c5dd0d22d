"""Reconciles studies and their workflows after any failure of either side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from config import logs
from store.queries.studies import studies, workflow_links
from store.queries.studies.workflow_links import OpenStudy
from store.session import Database
from workflows.cluster.argo_client import Argo, WorkflowStatus
from workflows.cluster.dispatcher import ClusterLimits
from workflows.cluster.registration import WorkflowSubmission
from workflows.cluster.studies import registration
from workflows.cluster.studies.study_dispatcher import StudyDispatcher
from workflows.cluster.workflow_details import WorkflowDetails
from workflows.cluster.workflow_messages import WorkflowMessages
from workflows.failures import Failure

VANISHED = Failure(
    "workflow_vanished", "The workflow of this study was deleted in the cluster before it had ended."
)
NOTHING_STORED = Failure("nothing_stored", "The workflow ended as Succeeded, but no result was stored.")
_FINISH = "Finish the study to execute what is missing."
_STEPS_BESIDES = 3
"""Plan, judge and persist."""
_MOST_PROGRESS = 0.99
log = logs.get(__name__)


class StudyReconciler:
    """Compares studies with their workflows; where Argo is unavailable nothing is changed."""

    def __init__(
        self, database: Database, argo: Argo, details: WorkflowDetails, messages: WorkflowMessages,
        limits: ClusterLimits,
    ) -> None:  # fmt: skip
        self._database, self._argo, self._details, self._messages = database, argo, details, messages
        self._dispatcher = StudyDispatcher(database, argo, limits)

    def once(self, workflows: Sequence[WorkflowStatus]) -> None:
        """Move every open study to where its workflow stands, give each workflow a row, start waiting studies."""
        for workflow in workflows:
            if not workflow.finished:
                self._messages.expect(workflow.name)  # its plan step may refuse it, which ends no open study
        with self._database.read() as session:
            found = workflow_links.open_studies(session)
        for study in found:
            with logs.about(study.study_id):
                self._follow(study, workflows)
        self._register(workflows)
        self._stop_cancelled(workflows)
        self._dispatcher.start_waiting()

    def _follow(self, study: OpenStudy, workflows: Sequence[WorkflowStatus]) -> None:
        listed = next((workflow for workflow in workflows if workflow.uid == study.workflow_uid), None)
        workflow = listed or self._argo.find(study.workflow_name)
        if workflow is None or workflow.uid != study.workflow_uid:
            self._fail(study, VANISHED)
        elif workflow.phase == "Succeeded":
            self._fail(study, NOTHING_STORED)
        elif workflow.finished:
            self._fail(study, self._details.failure_of(workflow))
            self._messages.set(workflow)
        elif workflow.is_deleted:
            self._argo.stop(workflow.name)
            self._fail(study, VANISHED)
        else:
            self._report(study, workflow)

    def _fail(self, study: OpenStudy, failure: Failure) -> None:
        """FAILED, unless its workflow has ended it, or given it back, in the meantime."""
        with self._database.write() as session:
            if not workflow_links.has(session, study.study_id, study.workflow_uid):
                return
            now, message = datetime.now(UTC), f"{failure.message} {_FINISH}"
            studies.fail(session, study.study_id, code=failure.code, message=message, now=now)
        log.warning("study FAILED", error_code=failure.code, error=failure.message)

    def _report(self, study: OpenStudy, workflow: WorkflowStatus) -> None:
        progress = progress_of(workflow, study.pods)
        if progress <= study.progress:
            return
        with self._database.write() as session:
            workflow_links.report(session, study.study_id, progress)

    def _register(self, workflows: Sequence[WorkflowStatus]) -> None:
        """Give a workflow that failed before its plan step could a row that says why."""
        failed = [each for each in workflows if each.finished and each.phase != "Succeeded"]
        with self._database.read() as session:
            known = workflow_links.known_among(session, [workflow.run_id for workflow in failed])
        for workflow in failed:
            if workflow.run_id not in known:
                with logs.about(workflow.run_id):
                    self._register_one(workflow)

    def _register_one(self, listed: WorkflowStatus) -> None:
        workflow = self._details.of(listed)
        if workflow is None:
            return
        submitted = WorkflowSubmission.of(listed, workflow)
        reason = self._details.failure_of(workflow).message
        with self._database.write() as session:
            registration.refuse(session, submitted, reason, now=datetime.now(UTC))
        log.warning("study of the Argo UI refused", workflow=workflow.name, error=reason)

    def _stop_cancelled(self, workflows: Sequence[WorkflowStatus]) -> None:
        running = [workflow for workflow in workflows if not workflow.finished]
        with self._database.read() as session:
            cancelled = workflow_links.cancelled_among(session, [each.run_id for each in running])
        for workflow in running:
            if workflow.run_id in cancelled:
                with logs.about(workflow.run_id):
                    log.info("workflow of a cancelled study stopped", workflow=workflow.name)
                    self._argo.stop(workflow.name)


def progress_of(workflow: WorkflowStatus, pods: int | None) -> float:
    """The share of its pods that are done; 0 as long as it is not known how many there will be."""
    done, _ = workflow.progress
    if not pods:
        return 0.0
    chunk_pods = pods if pods > 1 else 0
    return min(_MOST_PROGRESS, done / (chunk_pods + _STEPS_BESIDES))
