"""The product under test: a web tier and workers as real processes, a client, and what must hold whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select

from backtest import samples
from qa.mysql import free_port
from qa.report import Tally
from store import schema
from store.admin.check import problems
from store.models import OPEN, Result, Run, Status
from store.queries import datasets
from store.session import Database

ROOT = Path(__file__).parents[1]
RULES = Path(__file__).parent / "rules"
REQUEST = {
    "symbols": ["SP500"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": {"fast": 10, "slow": 30},
    "start_date": "2018-01-02",
    "end_date": "2018-12-31",
    "fee_rate": 0.001,
    "slippage_bps": 0,
}
PRODUCTION = {"LEASE_SECONDS": "15", "WORKER_SLOTS": "2", "FAULT_POINTS": "", "PYTHONPATH": ""}
"""The environment of a house where nothing is to be broken: what an operator gets who sets nothing."""
ABORTING = {"rule_type": "ABORTING", "params": {}}
_STUCK_AFTER_SECONDS = 120.0
_PATIENCE_SECONDS = 120.0
_LEASE_SECONDS = 2


def ask(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float,
) -> tuple[int, Any]:
    """One request on a connection of its own; 0 where there was no whole answer. Bytes are sent as CSV."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        kind = {"Content-Type": "text/csv" if isinstance(body, bytes) else "application/json"}
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, sent, (kind if body is not None else {}) | dict(headers or {}))
        answer = connection.getresponse()
        content = answer.read()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status, json.loads(content) if is_json else content
    except (OSError, HTTPException):
        return 0, None
    finally:
        connection.close()


def pausing(seconds: float) -> dict[str, Any]:
    """The change of a request that makes its engine step take so long."""
    return {"rule_type": "PAUSING", "params": {"seconds": seconds}}


@dataclass(frozen=True, slots=True)
class Replica:
    """A web process beside that of the house."""

    port: int
    process: subprocess.Popen[bytes]

    def is_ready(self) -> bool:
        """Whether it would be given requests."""
        return ask(self.port, "GET", "/ready", timeout=2)[0] == 200

    def stop(self) -> None:
        """Let it answer what it has begun, and wait for its end."""
        self.process.terminate()
        self.process.wait(_PATIENCE_SECONDS)


class House:
    """One record with the bundled prices, a web tier and two workers on it; what dies is started again."""

    def __init__(
        self,
        url: str,
        folder: Path,
        tally: Tally,
        *,
        direct: str = "",
        bundles: Path | None = None,
        workers: int = 2,
    ) -> None:
        self.url, self.folder, self.tally = url, folder, tally
        self.points, self._bundles = folder / "points", bundles or folder / "bundles"
        self.points.mkdir(parents=True)
        self.database = Database.open(direct or url, pool_size=4)
        schema.upgrade(self.database.engine)
        with self.database.write() as session:
            for symbol in samples.SYMBOLS:
                datasets.add(session, samples.load(symbol), now=datetime.now(UTC))
        self.port = free_port()
        self._number, self._keeping = workers, threading.Lock()
        self._environment: dict[str, str] = {}
        self.web: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.asked: set[str] = set()
        """Every run that a client was promised since the last reckoning."""
        self.restarts = 0
        """How often a process had to be started again."""
        self._faulty_answers: list[str] = []
        self._unanswered = 0

    # Processes

    def open(self, **environment: str) -> None:
        """Start everything, and wait until a run goes through."""
        self.keep_with(**environment)
        self.until(self.healthy, seconds=_PATIENCE_SECONDS, what="the web tier answers")
        self.next_works("starting")

    def keep_with(self, **environment: str) -> None:
        """Start everything with these variables besides, and wait for nothing."""
        self._environment = environment
        self.keep()

    def keep(self) -> None:
        """Start again what died, as any supervisor would."""
        with self._keeping:
            if self.web is None or self.web.poll() is not None:
                self.restarts += 1
                self.web = self._start("web")
            self.workers = [worker for worker in self.workers if worker.poll() is None]
            while len(self.workers) < self._number:
                self.restarts += 1
                self.workers.append(self._start("workflows.worker"))

    def close(self) -> None:
        """End every process of this house; `open` starts them again."""
        for process in [*self.workers, *([self.web] if self.web else [])]:
            with suppress(ProcessLookupError):
                family = (
                    psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
                )
                process.kill()
                for one in family:
                    with suppress(psutil.NoSuchProcess):
                        one.kill()
            process.wait(10)
        self.web, self.workers = None, []
        self.database.close()

    def replica(self) -> Replica:
        """One more web process on a port of its own, ready to serve."""
        port = free_port()
        replica = Replica(port, self._start("web", PORT=str(port)))
        if not self.until(replica.is_ready, seconds=_PATIENCE_SECONDS, what="the replica is ready"):
            raise RuntimeError(f"a replica did not start, see {self.folder / 'web.log'}")
        return replica

    def _start(self, module: str, **more: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{module}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=os.environ | self.environment() | more,
                stdout=log,
                stderr=log,
                start_new_session=True,  # as app.py starts them, so that the scheduler sees what it sees there
            )

    def environment(self) -> dict[str, str]:
        """What the processes of this house run with."""
        return {
            "DATABASE_URL": self.url,
            "BUNDLE_DIR": str(self._bundles),
            "LEASE_SECONDS": str(_LEASE_SECONDS),
            "STEP_TIMEOUT_SECONDS": "60",
            "WORKER_SLOTS": "1",
            "PORT": str(self.port),
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(RULES),
            "FAULT_POINTS": str(self.points),
            **self._environment,
        }

    def arm(self, point: str) -> Path:
        """Have the next process die that reaches the point; the file is gone once one did."""
        path = self.points / point
        path.touch()
        return path

    def kill(self, pid: int) -> bool:
        """Kill -9, and whether there was anybody to kill."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    # A client, who sends again until there is an answer, as the documentation tells it to

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 40.0,
    ) -> tuple[int, Any]:
        """One request on a connection of its own; 0 where there was no whole answer."""
        status, answer = ask(self.port, method, path, body, headers, timeout=timeout)
        self._unanswered += status in (0, 503)
        if status >= 500 and status != 503:
            self._faulty_answers.append(f"{method} {path}: {status} {str(answer)[:300]}")
        return status, answer

    def insist(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Ask again after no answer and after 503, with the same body, until there is an answer."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while True:
            status, answer = self.ask(method, path, body, headers)
            if status not in (0, 429, 503) or time.monotonic() > give_up_at:
                return status, answer
            self.keep()
            time.sleep(0.05)

    def submit(self, **changes: Any) -> str:
        """Submit a run, however often it takes; its id. What is not taken counts as promised, and is missed."""
        run_id = str(uuid.uuid4())
        status, answer = self.insist("POST", "/run_backtest", REQUEST | changes | {"run_id": run_id})
        if status != 202:
            self.tally.say(f"the submission {run_id} was answered {status} {answer}")
        self.asked.add(run_id)
        return run_id

    def cancel(self, run_id: str) -> int:
        """Cancel a run, however often it takes."""
        return self.insist("POST", f"/runs/{run_id}/cancel", {})[0]

    def healthy(self) -> bool:
        """Whether the web tier answers."""
        return self.ask("GET", "/health", timeout=1)[0] == 200

    def felt(self) -> int:
        """How often anybody was let down so far: clients without an answer, processes that logged a fault."""
        logs = [path.read_text(encoding="utf-8") for path in self.folder.glob("*.log")]
        return self._unanswered + sum(
            text.count(word) for text in logs for word in ("is away", "step failed")
        )

    # What must hold

    def until(self, condition: Callable[[], bool], *, seconds: float, what: str) -> bool:
        """Wait for something while keeping everything alive; false where it did not come."""
        give_up_at = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > give_up_at:
                self.tally.say(f"not within {seconds:g} s: {what}")
                return False
            self.keep()
            time.sleep(0.02)
        return True

    def row(self, run_id: str) -> Mapping[str, Any]:
        """Where a run stands."""
        columns = (Run.status, Run.error_code, Run.error_message, Run.attempts, Run.lease_owner)
        with self.database.read() as session:
            found = session.execute(select(*columns).where(Run.run_id == run_id)).one_or_none()
        return {} if found is None else found._asdict()

    def is_status(self, run_id: str, *wanted: Status) -> bool:
        """Whether the run stands there."""
        return self.row(run_id).get("status") in wanted

    def all_ended(self, run_ids: Iterable[str]) -> bool:
        """Whether none of these runs is open."""
        with self.database.read() as session:
            still = select(func.count()).where(Run.run_id.in_(list(run_ids)), Run.status.in_(OPEN))
            return session.scalar(still) == 0

    def reckon(self, kind: str, *, allowed: Mapping[str, str] | None = None) -> None:
        """Wait for every run that was asked for, and note each promise that does not hold.

        `allowed` names the error codes that this fault may end a run with, and a word that its message
        has to hold; whatever else fails is lost.
        """
        asked, self.asked = sorted(self.asked), set()
        if not self.until(lambda: self.all_ended(asked), seconds=_STUCK_AFTER_SECONDS, what="all runs end"):
            for run_id in asked:
                if self.is_status(run_id, *OPEN):
                    self.tally.breaks(kind, "stuck", f"{run_id} {dict(self.row(run_id))}")
        with self.database.read() as session:
            results = set(session.scalars(select(Result.run_id).where(Result.run_id.in_(asked))))
        for run_id in asked:
            self._judge(kind, run_id, run_id in results, allowed or {})
        faulty, self._faulty_answers = self._faulty_answers, []
        for text in faulty:
            self.tally.breaks(kind, "answered 500", text)

    def _judge(self, kind: str, run_id: str, has_result: bool, allowed: Mapping[str, str]) -> None:
        row = self.row(run_id)
        if not row:
            return self.tally.breaks(kind, "lost", f"{run_id} was promised and is not in the record")
        status, code, message = row["status"], row["error_code"], row["error_message"] or ""
        self.tally.ended[status if status != Status.FAILED else f"FAILED {code}"] += 1
        if has_result != (status == Status.SUCCEEDED):
            self.tally.breaks(kind, "duplicate", f"{run_id} is {status}, result stored: {has_result}")
        if status == Status.FAILED and code not in allowed:
            self.tally.breaks(kind, "lost", f"{run_id} FAILED {code}: {message}")
        elif status == Status.FAILED and allowed[code] not in message:
            self.tally.breaks(kind, "silent", f"{run_id} does not say {allowed[code]!r}: {message!r}")
        return None

    def next_works(self, kind: str) -> None:
        """The next submission succeeds."""
        run_id = self.submit()
        self.asked.discard(run_id)
        done = self.until(
            lambda: not self.is_status(run_id, *OPEN), seconds=_STUCK_AFTER_SECONDS, what="the next run"
        )
        row = self.row(run_id)
        if not done or row.get("status") != Status.SUCCEEDED:
            self.tally.breaks(kind, "next failed", f"{run_id} {dict(row)}")

    def check(self, kind: str) -> None:
        """The record is whole."""
        for problem in problems(self.database):
            self.tally.breaks(kind, "not whole", problem)
