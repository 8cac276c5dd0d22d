"""Clients in numbers: each asks on its own connection and notes how long it waited and what went wrong."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

import numpy as np

from qa.examples import REQUEST

_ANSWER_SECONDS = 30
_BUSY, _RETRY_SECONDS = 503, 1.0


def varied_request(number: int, *, first_day: str) -> dict[str, Any]:
    """The request from that day on, with other parameters for each number."""
    params = {"fast": 5 + number % 20, "slow": 30 + number % 97}
    return REQUEST | {"params": params, "start_date": first_day}


@dataclass
class Answers:
    """How long each answer of one kind took, in milliseconds, and everything that was not as expected."""

    milliseconds: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    """By what came instead: a status, or the name of the error."""
    busy: int = 0
    """How often a retrying client was told to come back."""

    def __len__(self) -> int:
        return len(self.milliseconds)

    def percentile(self, percent: float) -> float:
        """So many percent of the answers took at most this long."""
        return float(np.percentile(self.milliseconds, percent)) if self.milliseconds else float("nan")

    def row(self, title: str) -> str:
        """A row of a table: how many, how many wrong, and the quantiles."""
        shown = " | ".join(f"{self.percentile(percent):.1f}" for percent in (50, 95, 99, 100))
        wrong = ", ".join(f"{count} {what}" for what, count in self.wrong.items()) or "0"
        return f"| {title} | {len(self):,} | {wrong} | {shown} |"


HEAD = (
    "| question | answers | wrong | p50 ms | p95 ms | p99 ms | longest ms |",
    "|---|---:|---:|---:|---:|---:|---:|",
)


class Client:
    """A client with a connection of its own, kept open between requests or not."""

    def __init__(self, port: int, *, keeps_open: bool = True, retries: bool = False) -> None:
        self._port, self._keeps_open, self._retries = port, keeps_open, retries
        self._connection: HTTPConnection | None = None

    def request(
        self, answers: Answers, method: str, path: str, body: Any = None, *, expected: int = 200
    ) -> bytes | None:
        """Send one request and note the answer; its content, or None where it was not the expected one."""
        started = time.perf_counter()
        try:
            status, content = self._exchange(method, path, body)
            while self._retries and status == _BUSY:
                answers.busy += 1
                time.sleep(_RETRY_SECONDS)
                status, content = self._exchange(method, path, body)
        except (OSError, HTTPException) as error:
            answers.wrong[type(error).__name__] += 1
            self.close()
            return None
        answers.milliseconds.append(1_000 * (time.perf_counter() - started))
        if status != expected:
            answers.wrong[str(status)] += 1
            return None
        return content

    def submit(self, answers: Answers, body: dict[str, Any]) -> str | None:
        """Submit a run; its id, or None where it was not accepted."""
        content = self.request(answers, "POST", "/run_backtest", body, expected=202)
        return str(json.loads(content)["run_id"]) if content else None

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_SECONDS)
        headers = {"Accept": "application/json"}
        if not self._keeps_open:
            headers["Connection"] = "close"
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if not self._keeps_open or answer.will_close:
            self.close()
        return answer.status, content


class ClientPool:
    """Threads that each do their work again and again until the pool is stopped."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def add(self, work: Callable[[], object], *, every_seconds: float, first_after: float = 0.0) -> None:
        """Do this at such intervals; a turn that is due already is taken at once, and not made up for."""

        def turns() -> None:
            due = time.monotonic() + first_after
            while not self._stopped.wait(max(0.0, due - time.monotonic())):
                work()
                due = max(due + every_seconds, time.monotonic())

        self._threads.append(threading.Thread(target=turns, daemon=True))
        self._threads[-1].start()

    def stop(self) -> None:
        """Let every thread finish its turn."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(_ANSWER_SECONDS * 2)
