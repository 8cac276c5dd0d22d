"""Gives what is asked of results a workflow, and brings rows and workflows together after any failure of either side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from backtest.errors import InvalidRequest
from config import logs
from store.errors import UnknownRun
from store.models import Robustness
from store.queries import runs, workflow_links
from store.queries.studies import ledger, robustness
from store.session import Database
from workflows.cluster.argo_client import Argo, ArgoRefused, WorkflowStatus
from workflows.cluster.robustness import form
from workflows.cluster.workflow_details import WorkflowDetails
from workflows.cluster.workflow_messages import WorkflowMessages
from workflows.failures import Failure

AT_ONCE: Final = 2
"""Workflows: results are complete without them, so that they take little of what runs may have."""
VANISHED = Failure("workflow_vanished", "The workflow was deleted in the cluster before it had ended.")
NOTHING_STORED = Failure("nothing_stored", "The workflow ended as Succeeded, but no answer was stored.")
log = logs.get(__name__)


class RobustnessReconciler:
    """Follows what has a workflow and starts what waits, where no run waits; several at once are safe.

    A row names its workflow in place of a lease's owner, for as long as a lease may last.
    """

    def __init__(
        self, database: Database, argo: Argo, details: WorkflowDetails, messages: WorkflowMessages
    ) -> None:
        self._database, self._argo, self._details, self._messages = database, argo, details, messages

    def once(self, workflows: Sequence[WorkflowStatus]) -> None:
        """Move every row to where its workflow stands, then start waiting ones."""
        for workflow in workflows:
            if not workflow.finished:
                self._messages.expect(workflow.name)  # one of a person is refused, which ends no row
        with self._database.read() as session:
            held = robustness.held(session)
        for asked in held:
            with logs.about(asked.run_id):
                self._follow(asked, workflows)
        self._start_waiting()

    def _follow(self, asked: Robustness, workflows: Sequence[WorkflowStatus]) -> None:
        name = form.name_of(asked.run_id, asked.created_at)
        listed = next((workflow for workflow in workflows if workflow.name == name), None)
        workflow = listed or self._argo.find(name)
        if workflow is None:
            self._fail(asked, VANISHED)
        elif workflow.phase == "Succeeded":
            self._fail(asked, NOTHING_STORED)
        elif workflow.finished:
            self._fail(asked, self._details.failure_of(workflow))
            self._messages.set(workflow)
        elif workflow.is_deleted:
            self._argo.stop(workflow.name)
            self._fail(asked, VANISHED)

    def _fail(self, asked: Robustness, failure: Failure) -> None:
        """FAILED, unless it has ended or is asked for again in the meantime."""
        with self._database.write() as session:
            now = datetime.now(UTC)
            if robustness.fail_asked(session, asked, code=failure.code, message=failure.message, now=now):
                log.warning("robustness FAILED", error_code=failure.code, error=failure.message)

    def _start_waiting(self) -> None:
        with self._database.read() as session:
            if workflow_links.waiting(session, 1):
                return
            waiting = robustness.waiting(
                session, AT_ONCE - len(robustness.held(session)), now=datetime.now(UTC)
            )
        for asked in waiting:
            with logs.about(asked.run_id):
                self._start_or_fail(asked)

    def _start_or_fail(self, asked: Robustness) -> None:
        try:
            self._start(asked)
        except UnknownRun:  # deleted a moment ago, and the question with it
            return
        except (ArgoRefused, InvalidRequest) as refused:
            log.error("robustness refused by Argo Workflows", error=str(refused))
            self._fail(asked, Failure("launch_refused", f"It could not be started: {refused}"))

    def _start(self, asked: Robustness) -> None:
        """Create its workflow, or find the one that was created before a crash, and link it."""
        with self._database.read() as session:
            run = runs.get(session, asked.run_id)
            tried = ledger.tried_with(session, run)
            arguments = form.arguments_of(runs.request_of(run).as_json(), run.data_hashes or {}, tried)
        name = form.name_of(asked.run_id, asked.created_at)
        workflow = self._argo.create_robustness(name, asked.run_id, arguments)
        with self._database.write() as session:
            robustness.link(session, asked, workflow.name, now=datetime.now(UTC))
        log.info("workflow submitted", workflow=workflow.name)
