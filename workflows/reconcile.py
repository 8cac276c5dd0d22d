"""Brings rows and workflows together again, whatever happened; once, or for ever as the dispatcher."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from backtest.engine import ENGINE_VERSION
from backtest.errors import BacktestError
from store import runs, schema
from store.errors import SchemaBehind
from store.models import OPEN, Run, Status
from store.session import Database
from store.settings import Settings
from workflows import explain, logs, registration
from workflows.dispatch import Dispatcher
from workflows.errors import WorkflowError
from workflows.launchers.cluster import Argo, Seen
from workflows.verdict import Failure

VANISHED = Failure(
    "workflow_vanished",
    "The workflow of this run was deleted in the cluster before it had ended. Submit the run again.",
)
NOTHING_STORED = Failure(
    "nothing_stored",
    "The workflow ended as Succeeded, but no result was stored. Submit the run again; the workflow's log has "
    "the details under this run id.",
)
log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A row that has not ended and has a workflow."""

    run_id: str
    status: str
    workflow_name: str


class Reconciler:
    """Compares the record with Argo; where Argo cannot be reached nothing is changed."""

    def __init__(self, database: Database, argo: Argo, *, limit: int) -> None:
        self._database, self._argo = database, argo
        self._dispatcher = Dispatcher(database, argo, limit=limit)

    def once(self) -> None:
        """Follow every workflow, end runs that lost theirs, stop cancelled ones, start waiting ones."""
        seen = self._argo.list()  # before the rows: a workflow that is gone by then had stored its result
        for workflow in seen:
            with logs.about(workflow.run_id):
                self._follow(workflow)
        for run in self._without_workflow({workflow.name for workflow in seen}):
            with logs.about(run.run_id):
                self._end_if_vanished(run)
        self._stop_cancelled(seen)
        self._dispatcher.start_waiting()

    def _follow(self, workflow: Seen) -> None:
        """Move the run's row to where its workflow stands."""
        try:
            run = self._row_of(workflow)
        except BacktestError as error:
            log.warning("a workflow asks for no valid run", workflow=workflow.name, error=str(error))
            return
        if run.ended:
            return
        if workflow.phase == "Succeeded":
            self._fail(workflow.run_id, NOTHING_STORED)
        elif workflow.finished:
            self._fail(workflow.run_id, explain.explain(explain.broken_of(workflow.nodes), workflow.message))
        else:
            self._report(run, workflow)

    def _row_of(self, workflow: Seen) -> Run:
        with self._database.read() as session:
            run = session.get(Run, workflow.run_id)
        if run is not None and (run.ended or run.workflow_uid == workflow.uid):
            return run
        asked = registration.Asked(
            run_id=workflow.run_id,
            arguments=workflow.arguments,
            workflow_name=workflow.name,
            workflow_uid=workflow.uid,
        )
        with self._database.write() as session:
            if registration.register(session, asked, now=datetime.now(UTC)):
                log.info("run of the Argo UI registered", workflow=workflow.name)
            return runs.get(session, workflow.run_id)

    def _report(self, run: Run, workflow: Seen) -> None:
        stage, progress = _stage(workflow)
        if stage == run.stage or stage == "queued":
            return
        with self._database.write() as session:
            if run.status == Status.PENDING:
                runs.start(session, run.run_id, engine_version=ENGINE_VERSION, now=datetime.now(UTC))
            runs.report(session, run.run_id, stage=stage, progress=progress)

    def _without_workflow(self, names: set[str]) -> list[OpenRun]:
        started = select(Run).where(Run.status.in_(OPEN), Run.workflow_uid.is_not(None))
        with self._database.read() as session:
            found = [
                OpenRun(run.run_id, run.status, run.workflow_name or "") for run in session.scalars(started)
            ]
        return [run for run in found if run.workflow_name not in names]

    def _end_if_vanished(self, run: OpenRun) -> None:
        """FAILED, if Argo says that there is no such workflow; one made a moment ago is there."""
        if self._argo.find(run.workflow_name) is None:
            self._fail(run.run_id, VANISHED)

    def _stop_cancelled(self, seen: Iterable[Seen]) -> None:
        running = {workflow.run_id: workflow.name for workflow in seen if not workflow.finished}
        with self._database.read() as session:
            wanted = select(Run.run_id).where(Run.run_id.in_(running), Run.status == Status.CANCELLED)
            cancelled = list(session.scalars(wanted))
        for run_id in cancelled:
            with logs.about(run_id):
                log.info("workflow of a cancelled run stopped", workflow=running[run_id])
                self._argo.stop(running[run_id])

    def _fail(self, run_id: str, failure: Failure) -> None:
        now = datetime.now(UTC)
        with self._database.write() as session:
            if runs.fail(session, run_id, code=failure.code, message=failure.message, now=now):
                log.warning("run FAILED", error_code=failure.code, error=failure.message)


def _stage(workflow: Seen) -> tuple[str, float]:
    """How far a running workflow is."""
    if workflow.phase_of("persist") in ("Running", "Succeeded"):
        return "storing", 0.9
    engine = workflow.phase_of("engine")
    if engine == "Succeeded":
        return "storing", 0.8
    return ("computing", 0.3) if engine == "Running" else ("queued", 0.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Reconcile once, or every so many seconds until told to stop; 1 is a pass that could not be made."""
    parser = argparse.ArgumentParser(prog="python -m workflows.reconcile", description=__doc__)
    parser.add_argument("--every", type=float, metavar="SECONDS", help="go on for ever, as the dispatcher")
    arguments = parser.parse_args(argv)
    settings = Settings.from_env(os.environ)
    name = "reconcile" if arguments.every is None else "dispatcher"
    logs.configure_from(os.environ, process=name, secrets=[settings.database_url])
    database = Database.open(settings.database_url, pool_size=2)
    reconciler = Reconciler(database, Argo(settings), limit=settings.max_running_workflows)
    if arguments.every is None:
        return 0 if _pass(database, reconciler) else 1
    return _for_ever(database, reconciler, arguments.every)


def _pass(database: Database, reconciler: Reconciler) -> bool:
    try:
        schema.require_head(database.engine)
        reconciler.once()
    except (WorkflowError, SQLAlchemyError, SchemaBehind) as error:
        reason = getattr(error, "orig", None) or error
        log.warning("nothing was changed any further", error=str(reason))
        return False
    return True


def _for_ever(database: Database, reconciler: Reconciler, every_seconds: float) -> int:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    log.info("dispatcher begins", every_seconds=every_seconds)
    pause = every_seconds
    while not stopping.wait(pause):
        pause = every_seconds if _pass(database, reconciler) else min(max(pause * 2, 1.0), 15.0)
    log.info("dispatcher ends")
    return 0


if __name__ == "__main__":
    sys.exit(main())
