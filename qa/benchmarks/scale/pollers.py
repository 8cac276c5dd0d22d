"""Many clients that ask the real server again and again, each on its own connection, for a bounded time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection

import numpy as np

_ANSWER_SECONDS = 30
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
            status = poller.ask()
            if status in _GOOD:
                taken.append(1_000 * (time.perf_counter() - start))
            else:
                others.append(status)
            time.sleep(poller.retry_after or pause_seconds)
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
        self.retry_after = 0

    def ask(self) -> int:
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
        self.retry_after = int(answer.getheader("Retry-After") or 0)
        return answer.status

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _summary(what: str, pause: float, taken: list[float], others: list[int], seconds: float) -> Latencies:
    if not taken:
        raise RuntimeError(f"no poller got an answer to {what}")
    median, p95, p99, longest = np.percentile(taken, (50, 95, 99, 100))
    away = others.count(_BUSY)
    return Latencies(
        what, pause, len(taken), away, len(others) - away, len(taken) / seconds, median, p95, p99, longest
    )
