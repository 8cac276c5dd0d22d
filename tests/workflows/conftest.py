"""A record with prices, requests for it, and real worker processes on it."""

import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backtest import samples
from backtest.run.alignment import align
from backtest.run.request import RunRequest
from config import logs
from config.settings import Settings
from store.models import OPEN
from store.queries import datasets, run_list, runs
from tests.workflows import argo_server
from workflows.launchers import LocalLauncher
from workflows.submission import submit

ROOT = Path(__file__).parents[2]
HOSTILE_RULES = Path(__file__).parent / "hostile_rules"
REQUEST = {
    "symbols": ["SP500"],
    "rule_type": "MOVING_AVERAGE_CROSS",
    "params": {"fast": 10, "slow": 30},
    "start_date": "2017-01-03",
    "end_date": "2018-12-31",
    "fee_rate": 0.001,
    "slippage_bps": 0,
}


@pytest.fixture
def sqlite_settings(sqlite_url, tmp_path):
    """Settings for what needs no database of each kind."""
    return Settings(
        database_url=sqlite_url, library_dir=tmp_path / "library", bundle_dir=tmp_path / "bundles"
    )


class Bench:
    """A record with the bundled prices, and what tests do with it."""

    def __init__(self, settings, database, tmp_path):
        self.settings, self.database, self._tmp = settings, database, tmp_path
        self._workers = []
        with database.write() as session:
            for symbol in samples.SYMBOLS:
                datasets.add(session, samples.load(symbol), now=datetime.now(UTC))

    def submit(self, **changes):
        return submit(self.settings, self.database, LocalLauncher(), REQUEST | changes, REQUEST)

    def submit_rule(self, rule_type):
        """A run of a rule that only the worker has installed."""
        request = replace(RunRequest.parse(REQUEST), rule_type=rule_type, params={}, run_id=str(uuid.uuid4()))
        aligned = align(request, {"SP500": samples.load("SP500")})
        submission = runs.Submission(
            request=request, received={}, data_hash=aligned.data_hash, data_hashes=aligned.hashes
        )
        with self.database.write() as session:
            return runs.submit(session, submission, now=datetime.now(UTC))[0].run_id

    def get(self, run_id):
        with self.database.read() as session:
            return runs.get(session, run_id)

    def counts(self):
        with self.database.read() as session:
            return {status: count for status, count in run_list.count_by_status(session).items() if count}

    def wait(self, run_id, *, seconds=30):
        """The run once it has ended."""
        self.until(lambda: self.get(run_id).ended, seconds=seconds)
        return self.get(run_id)

    def wait_all(self, *, seconds):
        self.until(lambda: not set(OPEN) & set(self.counts()), seconds=seconds)

    def until(self, condition, *, seconds=30):
        give_up_at = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < give_up_at, f"not within {seconds} s: {self.counts()}\n{self.logged()}"
            time.sleep(0.02)

    def environment(self, **more):
        return os.environ | {
            "DATABASE_URL": self.settings.database_url,
            "BUNDLE_DIR": str(self.settings.bundle_dir),
            "LEASE_SECONDS": str(self.settings.lease_seconds),
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(HOSTILE_RULES),
            **more,
        }

    def start_worker(self, **environment):
        """A worker process of its own, its log in a file."""
        with self.log_path.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "workflows.worker"],
                cwd=ROOT,
                env=self.environment(**environment),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._workers.append(process)
        return process

    def step(self, name, *arguments, **environment):
        """One step in a process of its own, as a pod runs it."""
        return subprocess.run(
            [sys.executable, "-m", f"workflows.steps.{name}", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
        )

    @property
    def log_path(self):
        return self._tmp / "worker.log"

    def logged(self):
        return self.log_path.read_text(encoding="utf-8") if self.log_path.exists() else ""

    def close(self):
        for process in self._workers:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture
def bench(settings, database, tmp_path):
    logs.configure(process="test", level="ERROR")
    bench = Bench(settings, database, tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def limit(request):
    """How many workflows may run at once; a test that counts gives its own."""
    return getattr(request, "param", 10)


@pytest.fixture
def house(bench, limit):
    """The cluster's side: the record, and a server that stands for Argo's."""
    from tests.workflows.clusters import ClusterBench  # it takes its request from here

    with argo_server.serving() as server:
        yield ClusterBench(bench, server, limit=limit)
