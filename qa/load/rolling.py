"""Two web replicas behind a proxy are replaced one after the other, again and again, while clients ask."""

from __future__ import annotations

import itertools
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qa import reliability
from qa.harness.environment import PRODUCTION, TestEnvironment, running_on
from qa.load import clients, promises
from qa.load.balancer import Balancer
from qa.load.clients import Answers, Client, ClientPool, varied_request
from store.models import Status

_CLIENTS, _EVERY_SECONDS = 20, 0.5
_DRAIN_SECONDS = 1.0
"""Between the moment a replica gets no new connections and SIGTERM, as the pods' preStop pause."""
_STEADY_SECONDS = 2.0
_SHARE_OF_WAITING = 0.2
"""Of the minutes, for the runs to end after the last restart."""
_READ = ("/", "/api/runs", "/health", "/api/symbols")


@dataclass
class Outcome:
    """What the clients saw."""

    minutes: float
    restarts: int = 0
    answers: dict[str, Answers] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def run(*, rounds: int, minutes: float) -> Outcome:
    """Replace both replicas so many times, fewer where the minutes do not suffice.

    Runs that still wait when the minutes are over are counted: how fast a worker computes is not asked here.
    """
    outcome = Outcome(minutes)
    until = time.monotonic() + 60 * minutes
    with (
        tempfile.TemporaryDirectory(prefix="rolling-") as folder,
        running_on("MySQL", Path(folder), PRODUCTION) as environment,
    ):
        _roll(environment, outcome, in_time(2 * rounds, until - 60 * minutes * _SHARE_OF_WAITING))
        left = max(0.0, until - time.monotonic())
        outcome.ended = promises.ended(environment, outcome.promised, seconds=left)
        outcome.broken += promises.broken(environment, outcome.promised, outcome.ended, may_wait=True)
        for title, answers in outcome.answers.items():
            if answers.wrong:
                outcome.broken.append(f"{title} failed: {dict(answers.wrong)}")
    return outcome


def in_time(restarts: int, until: float) -> Iterator[int]:
    """Numbers of restarts, the first always; none that would end after `until` if it took as long as the longest."""
    longest = 0.0
    for number in range(restarts):
        began = time.monotonic()
        if number and began + longest > until:
            return
        yield number
        longest = max(longest, time.monotonic() - began)


def _roll(environment: TestEnvironment, outcome: Outcome, restarts: Iterator[int]) -> None:
    replicas = [environment.start_replica() for _ in range(2)]
    balancer = Balancer([replica.port for replica in replicas])
    pool, lock = ClientPool(), threading.Lock()
    for number in range(_CLIENTS):
        client = Client(balancer.port, keeps_open=False, retries=True)
        first_after = number * _EVERY_SECONDS / _CLIENTS
        pool.add(
            _asking(client, outcome, number, lock), every_seconds=_EVERY_SECONDS, first_after=first_after
        )
    for number in restarts:
        place = number % 2
        time.sleep(_STEADY_SECONDS)
        balancer.remove(replicas[place].port)
        time.sleep(_DRAIN_SECONDS)
        replicas[place].stop()
        replicas[place] = environment.start_replica()
        balancer.add(replicas[place].port)
        outcome.restarts += 1
        answers = sum(map(len, outcome.answers.values()))
        print(f"{outcome.restarts} restarts, {answers} answers", file=sys.stderr, flush=True)
    time.sleep(_STEADY_SECONDS)
    pool.stop()
    balancer.close()
    for replica in replicas:
        replica.stop()


def _asking(client: Client, outcome: Outcome, number: int, lock: threading.Lock) -> Callable[[], None]:
    """Every fifth client submits and follows its run, the others read."""
    turns = itertools.count(number)

    def answers(title: str) -> Answers:
        with lock:
            return outcome.answers.setdefault(title, Answers())

    def read() -> None:
        path = _READ[next(turns) % len(_READ)]
        client.request(answers(f"`GET {path}`"), "GET", path)

    def submit() -> None:
        body = varied_request(next(turns), first_day="2018-01-02")
        if run_id := client.submit(answers("`POST /run_backtest`"), body):
            outcome.promised.add(run_id)
            client.request(answers("`GET /status/<id>`"), "GET", f"/status/{run_id}?charts=false")

    return read if number % 5 else submit


def section(outcome: Outcome, command: str) -> list[str]:
    """The section of the page."""
    waiting = promises.waiting(outcome.ended)
    return [
        f"{reliability.measured(command)} Two replicas of the web tier on one MariaDB, one worker. {_CLIENTS} clients "
        f"ask {_CLIENTS / _EVERY_SECONDS:g} times a second on new connections through a proxy that knows which "
        f"replica is ready. A replica is taken out, gets SIGTERM after {_DRAIN_SECONDS:g} s, ends when its requests "
        f"are answered, and is taken in again when the new one is ready: {outcome.restarts} times. A replica that is "
        "too busy says so (503 with Retry-After); a client then asks again as it was told, and that is counted.",
        "",
        *clients.HEAD,
        *(outcome.answers[title].row(title) for title in sorted(outcome.answers)),
        "",
        f"{sum(answers.busy for answers in outcome.answers.values()):,} times a client was told to come back. "
        f"{len(outcome.promised):,} runs were promised, {outcome.ended[Status.SUCCEEDED]:,} SUCCEEDED"
        + (f" and {waiting:,} waited still when {outcome.minutes:g} minutes were over." if waiting else "."),
        "",
        *reliability.missed(outcome.broken, otherwise="No request failed."),
    ]
