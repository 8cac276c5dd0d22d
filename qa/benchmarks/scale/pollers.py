"""Many clients that ask the real server again and again, each on its own connection, for a bounded time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from qa.benchmarks.scale.database import free_port

_ROOT = Path(__file__).parents[3]
_START_SECONDS, _STOP_SECONDS, _ANSWER_SECONDS = 60, 40, 30
_MOST_ANSWERS = 200_000

_GOOD, _BUSY = (200, 304), 503
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Question:
    """What pollers ask: one of the addresses anew each time, or each the `same` again with the ETag it knows."""

    title: str
    addresses: Sequence[str]
    same: bool = False


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long answers took, in milliseconds."""

    what: str
    pause_seconds: float
    answers: int
    turned_away: int
    failures: int
    per_second: float
    median: float
    p95: float
    p99: float
    longest: float


@contextmanager
def serving(folder: Path, database_url: str, *, processes: int) -> Iterator[int]:
    """The web tier on a port of the loopback, by the command line of app.py and of the container."""
    port = free_port()
    environment = os.environ | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "LOG_LEVEL": "WARNING",
        "WEB_CONCURRENCY": str(processes),
        "LIBRARY_DIR": str(folder / "library"),
        "BUNDLE_DIR": str(folder / "bundles"),
    }
    command = [sys.executable, "-m", "web"]
    with (
        (folder / "web.log").open("wb") as log,
        subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            _wait_until_ready(port, server, folder)
            yield port
        finally:
            server.terminate()
            server.wait(_STOP_SECONDS)


def poll(port: int, question: Question, *, pollers: int, seconds: float, pause_seconds: float) -> Latencies:
    """Let `pollers` ask at once until the time is over; each waits `pause_seconds` between its questions."""
    taken: list[float] = []
    others: list[int] = []
    ends_at = time.monotonic() + seconds

    def client(number: int) -> None:
        chance = random.Random(number)
        poller = _Poller(port, question, chance)
        time.sleep(chance.random() * min(pause_seconds, seconds))
        while time.monotonic() < ends_at and len(taken) < _MOST_ANSWERS:
            start = time.perf_counter()
            status = poller.asks()
            if status in _GOOD:
                taken.append(1_000 * (time.perf_counter() - start))
            else:
                others.append(status)
            time.sleep(poller.told_to_wait or pause_seconds)
        poller.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(pollers)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _summary(question.title, pause_seconds, taken, others, time.monotonic() - began)


class _Poller:
    """One client on a connection of its own."""

    def __init__(self, port: int, question: Question, chance: random.Random) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
        self._question, self._chance = question, chance
        self._address, self._etag = chance.choice(question.addresses), ""
        self.told_to_wait = 0

    def asks(self) -> int:
        """Ask once; the status of the answer, 0 where there was none."""
        if not self._question.same:
            self._address = self._chance.choice(self._question.addresses)
        known = {"If-None-Match": self._etag} if self._question.same and self._etag else {}
        try:
            self._connection.request("GET", self._address, headers=_HEADERS | known)
            answer = self._connection.getresponse()
            answer.read()
        except OSError:
            self._connection.close()
            return 0
        self._etag = answer.getheader("ETag") or ""
        self.told_to_wait = int(answer.getheader("Retry-After") or 0)
        return answer.status

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _summary(what: str, pause: float, taken: list[float], others: list[int], seconds: float) -> Latencies:
    if not taken:
        raise RuntimeError(f"nobody got an answer to {what}")
    median, p95, p99, longest = np.percentile(taken, (50, 95, 99, 100))
    away = others.count(_BUSY)
    return Latencies(
        what, pause, len(taken), away, len(others) - away, len(taken) / seconds, median, p95, p99, longest
    )


def _wait_until_ready(port: int, server: subprocess.Popen[bytes], folder: Path) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    probe = Question("ready", ["/ready"])
    while _Poller(port, probe, random.Random(0)).asks() not in _GOOD:
        if server.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(f"the web did not start:\n{(folder / 'web.log').read_text()[-2000:]}")
        time.sleep(0.2)
