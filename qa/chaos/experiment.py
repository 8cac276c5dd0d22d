"""A running product under faults: what clients were promised, and the invariants that must hold whatever happens."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from qa.chaos.report import Report
from qa.examples import REQUEST
from qa.harness.environment import TestEnvironment
from store.admin.check import problems
from store.models import OPEN, Result, Status

VARIABLES = {"WORKER_SLOTS": "1", "STEP_TIMEOUT_SECONDS": "60"}
ABORTING = {"rule_type": "ABORTING", "params": {}}
"""The change of a request that makes its engine step crash."""


def pausing(seconds: float) -> dict[str, Any]:
    """The change of a request that makes its engine step take so long."""
    return {"rule_type": "PAUSING", "params": {"seconds": seconds}}


class Experiment:
    """One environment, its report, and every run that a client was promised since the last assertion."""

    def __init__(self, environment: TestEnvironment, report: Report) -> None:
        self.environment, self.report = environment, report
        self.promised: set[str] = set()

    def start(self, **variables: str) -> None:
        """Start the environment with short leases and one run at a time for each worker."""
        self.environment.start(**VARIABLES | variables)

    def submit(self, **changes: Any) -> str:
        """Submit a run, however often it takes; a run that is not accepted counts as promised and is missed."""
        run_id = str(uuid.uuid4())
        body = REQUEST | changes | {"run_id": run_id}
        status, answer = self.environment.request_with_retry("POST", "/run_backtest", body)
        if status != 202:
            self.report.progress(f"the submission {run_id} was answered {status} {answer}")
        self.promised.add(run_id)
        return run_id

    def wait_running(self, run_id: str) -> subprocess.Popen[bytes] | None:
        """The worker that has taken the run; none if no worker did."""
        self.environment.happens(lambda: self.environment.is_status(run_id, Status.RUNNING))
        owner = self.environment.row(run_id)["lease_owner"] or "::"
        workers = {worker.pid: worker for worker in self.environment.workers}
        return workers.get(int(owner.split(":")[1] or 0))

    def failures_seen(self) -> int:
        """How often clients got no answer, and processes logged that the database is unavailable or a step failed."""
        logs = [path.read_text(encoding="utf-8") for path in self.environment.folder.glob("*.log")]
        words = ("is away", "database unavailable", "step failed")
        return self.environment.unanswered + sum(text.count(word) for text in logs for word in words)

    def assert_invariants(self, kind: str, *, allowed: Mapping[str, str] | None = None) -> None:
        """Wait for every promised run and report each invariant that does not hold.

        `allowed` names the error codes with which this fault may end a run, and a part of their message;
        a run that fails otherwise is lost.
        """
        promised, self.promised = sorted(self.promised), set()
        if not self.environment.happens(lambda: self.environment.all_ended(promised)):
            for run_id in promised:
                if self.environment.is_status(run_id, *OPEN):
                    self.report.violate(kind, "stuck", f"{run_id} {dict(self.environment.row(run_id))}")
        with self.environment.database.read() as session:
            results = set(session.scalars(select(Result.run_id).where(Result.run_id.in_(promised))))
        for run_id in promised:
            self._assert_ended(kind, run_id, run_id in results, allowed or {})
        for text in self.environment.server_errors:
            self.report.violate(kind, "answered 500", text)
        self.environment.server_errors.clear()

    def assert_next_succeeds(self, kind: str) -> None:
        """Submit one more run, which must succeed."""
        run_id = self.submit()
        self.promised.discard(run_id)
        ended = self.environment.happens(lambda: not self.environment.is_status(run_id, *OPEN))
        row = self.environment.row(run_id)
        if not ended or row.get("status") != Status.SUCCEEDED:
            self.report.violate(kind, "next failed", f"{run_id} {dict(row)}")

    def assert_consistent(self, kind: str) -> None:
        """Report everything that `python -m store check` finds in the database."""
        for problem in problems(self.environment.database):
            self.report.violate(kind, "not whole", problem)

    def _assert_ended(self, kind: str, run_id: str, has_result: bool, allowed: Mapping[str, str]) -> None:
        row = self.environment.row(run_id)
        if not row:
            return self.report.violate(kind, "lost", f"{run_id} was promised and is not in the database")
        status, code, message = row["status"], row["error_code"], row["error_message"] or ""
        self.report.ended[status if status != Status.FAILED else f"FAILED {code}"] += 1
        if has_result != (status == Status.SUCCEEDED):
            self.report.violate(kind, "duplicate", f"{run_id} is {status}, result stored: {has_result}")
        if status == Status.FAILED and code not in allowed:
            self.report.violate(kind, "lost", f"{run_id} FAILED {code}: {message}")
        elif status == Status.FAILED and allowed[code] not in message:
            self.report.violate(kind, "silent", f"{run_id} does not say {allowed[code]!r}: {message!r}")
        return None
