"""The product as tests run it: one database, and web tiers, workers and steps as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.settings import Settings
from qa.examples import REQUEST
from qa.harness import mysql, processes
from qa.harness.http_client import HttpClient, is_ok
from qa.harness.processes import LAST_RESORT_SECONDS, ROOT, free_port
from qa.harness.run_queue import RunQueue, add_samples
from store import schema
from store.models import Run, Status
from store.session import Database

DatabaseKind = Literal["SQLite", "MySQL"]
DATABASE_KINDS: tuple[DatabaseKind, ...] = ("SQLite", "MySQL")
RULES = Path(__file__).parents[1] / "rules"
"""Rules that pause, do harm or corrupt their result; installed in every environment that does not opt out."""
PRODUCTION = {
    "LEASE_SECONDS": "15",
    "WORKER_SLOTS": "2",
    "FAULT_POINTS": "",
    "PYTHONPATH": "",
    "ROBUSTNESS": "every",
}
"""Variables of an environment in which nothing is to be broken: an operator's who sets none."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One more web process on a port of its own."""

    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Ask it to finish the requests that it has begun, and wait for its end."""
        self.process.terminate()
        self.process.wait(LAST_RESORT_SECONDS)


class TestEnvironment(HttpClient, RunQueue):
    """A database at head with the bundled prices; what `start` starts is restarted when it dies.

    `direct_url` is the database's own address where `url` leads through a proxy. With neither a web tier nor
    workers it is a database for processes that a test starts itself.
    """

    __test__ = False

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        direct_url: str = "",
        database: Database | None = None,
        bundles: Path | None = None,
        workers: int = 2,
        web: bool = True,
        seed: bool = True,
    ) -> None:
        super().__init__(free_port())
        self.url, self.folder = url, folder
        self.failpoints, self.bundles = folder / "points", bundles or folder / "bundles"
        self.failpoints.mkdir(parents=True)
        self.database = database or Database.open(direct_url or url, pool_size=4)
        self._owns_database = database is None
        if seed:
            schema.upgrade(self.database.engine)
            add_samples(self.database)
        self.settings = Settings(
            database_url=url, library_dir=folder / "library", bundle_dir=self.bundles, lease_seconds=2
        )
        self._has_web, self._workers_wanted = web, workers
        self._supervising = threading.Lock()
        self._variables: dict[str, str] = {}
        self._started: list[subprocess.Popen[bytes]] = []
        self.web: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.starts = 0
        """How many processes `supervise` started so far."""

    # Processes

    def start(self, **variables: str) -> None:
        """Start web tier and workers with these variables besides, and wait until a run has succeeded."""
        self.launch(**variables)
        self.until(self.is_healthy, what="the web tier answers")
        if self._workers_wanted:
            run = self.wait(self.submit())
            if run.status != Status.SUCCEEDED:
                raise RuntimeError(f"the first run ended as {run.status}: {run.error_message}")

    def launch(self, **variables: str) -> None:
        """Start web tier and workers with these variables besides, and wait for nothing."""
        self._variables = variables
        self.supervise()

    def supervise(self) -> None:
        """Restart what died, as any supervisor would."""
        with self._supervising:
            if self._has_web and (self.web is None or self.web.poll() is not None):
                self.starts += 1
                self.web = self._start("web")
            self.workers = [worker for worker in self.workers if worker.poll() is None]
            while len(self.workers) < self._workers_wanted:
                self.starts += 1
                self.workers.append(self._start("workflows.worker"))

    def stop(self) -> None:
        """Kill every process of the environment; `start` starts them again."""
        for process in self._started:
            processes.kill_tree(process)
        self.web, self.workers, self._started = None, [], []
        if self._owns_database:
            self.database.close()

    def start_worker(self, **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker that is not restarted."""
        return self._start("workflows.worker", **variables)

    def start_replica(self) -> Replica:
        """Start one more web process and wait until it is ready."""
        port = free_port()
        replica = Replica(port, self._start("web", PORT=str(port)))
        processes.wait_until_ready(replica.process, lambda: is_ok(port, "/ready"), self.folder / "web.log")
        return replica

    def run_step(self, name: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one step to its end in a process of its own, as a pod does."""
        return subprocess.run(
            [sys.executable, "-m", f"workflows.steps.{name}", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | self.environment(**variables),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, **variables: str) -> dict[str, str]:
        """What the processes of this environment run with."""
        return {
            "DATABASE_URL": self.url,
            "LIBRARY_DIR": str(self.settings.library_dir),
            "BUNDLE_DIR": str(self.bundles),
            "LEASE_SECONDS": str(self.settings.lease_seconds),
            "PORT": str(self.port),
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(RULES),
            "FAULT_POINTS": str(self.failpoints),
            "ROBUSTNESS": "asked",
            **self._variables,
            **variables,
        }

    def arm(self, failpoint: str) -> Path:
        """Make the next process die that hits the failpoint; the file is gone once one did."""
        path = self.failpoints / failpoint
        path.touch()
        return path

    def kill(self, pid: int) -> bool:
        """Kill a process; false if there was none."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    @contextmanager
    def workers_paused(self) -> Iterator[None]:
        """Stop the workers for the block, and let them go on afterwards."""
        for worker in self.workers:
            worker.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in self.workers:
                worker.send_signal(signal.SIGCONT)

    def log(self, module: str = "workflows.worker") -> str:
        """What the processes of this module have logged so far."""
        path = self.folder / f"{module}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _start(self, module: str, **variables: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{module}.log"
        process = processes.start(["-m", module], self.environment(**variables), log)
        self._started.append(process)
        return process

    def before_retry(self) -> None:
        """Restart what died before a client asks again."""
        self.supervise()

    def submit(self, **changes: object) -> str:
        """Submit the request with these changes over HTTP; the id of the run."""
        body = REQUEST | {"run_id": str(uuid.uuid4())} | changes
        status, answer = self.request_with_retry("POST", "/run_backtest", body)
        if status != 202:
            raise RuntimeError(f"the submission was answered {status}: {answer}")
        return str(body["run_id"])

    def cancel(self, run_id: str) -> int:
        """Cancel a run; the status of the answer."""
        return self.request_with_retry("POST", f"/runs/{run_id}/cancel", {})[0]

    def wait(self, run_id: str) -> Run:
        """The run once it has ended."""
        self.until(lambda: self.get(run_id).ended, what=f"run {run_id} ends")
        return self.get(run_id)

    def wait_all(self) -> None:
        """Wait until no run waits or runs."""
        self.until(lambda: not self.open_runs(), what="all runs end")

    def until(
        self, condition: Callable[[], object], *, what: str = "", seconds: float = LAST_RESORT_SECONDS
    ) -> None:
        """Wait until the condition holds, while `supervise` restarts what dies."""
        if not self.happens(condition, seconds=seconds):
            raise AssertionError(f"not within {seconds:g} s: {what} {self.counts()}\n{self.log()[-10_000:]}")

    def happens(self, condition: Callable[[], object], *, seconds: float = LAST_RESORT_SECONDS) -> bool:
        """Like `until`, but false where the condition does not come to hold."""

        def holds() -> bool:
            if condition():
                return True
            self.supervise()
            return False

        return processes.wait_until(holds, seconds=seconds)


@contextmanager
def running_on(kind: DatabaseKind, folder: Path, variables: Mapping[str, str]) -> Iterator[TestEnvironment]:
    """A started environment with one worker on a new database of this kind, its server included."""
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'backtest.sqlite3'}"
        if kind == "MySQL":
            url = stack.enter_context(mysql.running()).url()
        environment = TestEnvironment(url, folder / "environment", workers=1)
        stack.callback(environment.stop)
        environment.start(**variables)
        yield environment


@contextmanager
def app_running(folder: Path, **variables: str) -> Iterator[str]:
    """The product as `python app.py` starts it, with everything that it keeps in `folder`; its address."""
    port = int(variables.get("PORT") or free_port())
    environment = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder / 'backtest.sqlite3'}",
        "LIBRARY_DIR": str(folder / "library"),
        "BUNDLE_DIR": str(folder / "bundles"),
        **variables,
    }
    log = folder / "app.log"
    process = processes.start(["app.py"], environment, log)
    try:
        processes.wait_until_ready(process, lambda: is_ok(port, "/ready"), log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            processes.kill_tree(process)
