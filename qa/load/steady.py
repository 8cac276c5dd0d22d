"""Many clients poll and submit at once, for minutes: how quickly are they answered, and is anything lost?"""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from qa import reliability
from qa.harness.environment import PRODUCTION, TestEnvironment, running_on
from qa.load import clients, footprint, promises
from qa.load.clients import Answers, Client, ClientPool, varied_request
from qa.load.footprint import Footprint

POLLERS, SUBMISSIONS_A_SECOND = 50, 20
STATUS_GOAL_MS = 50.0
_SUBMITTERS = 4
_WARM_SECONDS = 30.0
_LONGEST_SECONDS = 3_600.0
_SWITCH_SECONDS = 0.000_5
"""So that what is measured is the wait for an answer, and not for the other clients of this process."""
_ENDED = re.compile(rb'"status": ?"(SUCCEEDED|FAILED|CANCELLED)"')
"""Whole results are not decoded: the clients share the cores with what they measure."""


@dataclass
class Outcome:
    """What one load came to."""

    seconds: float
    status: Answers = field(default_factory=Answers)
    submit: Answers = field(default_factory=Answers)
    health: Answers = field(default_factory=Answers)
    promised: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    footprints: dict[str, list[Footprint]] = field(default_factory=dict)
    open_at_the_end: int = 0
    """Runs that had not ended when the last was submitted."""
    drained_seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def run(*, seconds: float) -> Outcome:
    """Load a web tier and one worker on a MySQL of their own, then let the worker finish."""
    outcome = Outcome(min(seconds, _LONGEST_SECONDS))
    sys.setswitchinterval(_SWITCH_SECONDS)
    with (
        tempfile.TemporaryDirectory(prefix="load-") as folder,
        running_on("MySQL", Path(folder), PRODUCTION) as environment,
    ):
        _load(environment, outcome)
        _drain(environment, outcome)
    return outcome


def _load(environment: TestEnvironment, outcome: Outcome) -> None:
    pool, newest, numbers = ClientPool(), deque[str](maxlen=POLLERS), itertools.count()
    for number in range(_SUBMITTERS):
        pool.add(
            _submitter(Client(environment.port), outcome, newest, numbers),
            every_seconds=_SUBMITTERS / SUBMISSIONS_A_SECOND,
            first_after=number / SUBMISSIONS_A_SECOND,
        )
    for number in range(POLLERS):
        poller = _poller(Client(environment.port), outcome, newest)
        pool.add(poller, every_seconds=1.0, first_after=1 + number / POLLERS)
    probe = Client(environment.port, keeps_open=False)
    pool.add(lambda: probe.request(outcome.health, "GET", "/health"), every_seconds=0.5)
    warm_up = min(_WARM_SECONDS, outcome.seconds / 2)
    time.sleep(warm_up)
    _measure(environment, outcome)
    for _ in range(10):
        time.sleep((outcome.seconds - warm_up) / 10)
        p99 = outcome.status.percentile(99)
        _progress(f"{len(outcome.status)} polls, p99 {p99:.0f} ms, {len(outcome.promised)} runs")
    _measure(environment, outcome)
    pool.stop()


def _submitter(
    client: Client, outcome: Outcome, newest: deque[str], numbers: itertools.count[int]
) -> Callable[[], None]:
    """Ten years of one of the bundled symbols, a rule with other parameters each time."""

    def submit() -> None:
        body = varied_request(next(numbers), first_day="2009-01-02")
        if run_id := client.submit(outcome.submit, body):
            outcome.promised.add(run_id)
            newest.append(run_id)

    return submit


def _poller(client: Client, outcome: Outcome, newest: deque[str]) -> Callable[[], None]:
    """Follow a new run until it has ended, then the next one, as the page does."""
    followed = ""

    def poll() -> None:
        nonlocal followed
        if not followed and newest:
            followed = newest[-1]
        if followed:
            answer = client.request(outcome.status, "GET", f"/status/{followed}?charts=false")
            followed = "" if answer and _ENDED.search(answer) else followed

    return poll


def _drain(environment: TestEnvironment, outcome: Outcome) -> None:
    """Nothing is submitted any more: wait until the worker has done everything, and count."""
    outcome.open_at_the_end = environment.open_runs()
    started = time.monotonic()
    outcome.ended = promises.ended(environment, outcome.promised)
    outcome.drained_seconds = time.monotonic() - started
    outcome.broken += promises.broken(environment, outcome.promised, outcome.ended)
    kinds = {"/health": outcome.health, "/status": outcome.status, "submissions": outcome.submit}
    outcome.broken += [
        f"{kind} failed: {dict(answers.wrong)}" for kind, answers in kinds.items() if answers.wrong
    ]
    p99 = outcome.status.percentile(99)
    if p99 > STATUS_GOAL_MS:
        outcome.broken.append(f"p99 of /status is {p99:.0f} ms, the goal is {STATUS_GOAL_MS:g}")


def _measure(environment: TestEnvironment, outcome: Outcome) -> None:
    assert environment.web is not None
    for name, pid in (("web", environment.web.pid), ("worker", environment.workers[0].pid)):
        outcome.footprints.setdefault(name, []).append(footprint.of(pid))


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def section(outcome: Outcome, command: str) -> list[str]:
    """The section of the page."""
    footprints = [
        f"| {name} | {' | '.join(f'{one.memory_mib:.0f} MiB' for one in both)} | {both[-1].processes} | {both[-1].files} |"
        for name, both in outcome.footprints.items()
    ]
    ends = ", ".join(f"{count:,} {status}" for status, count in outcome.ended.most_common())
    return [
        f"{reliability.measured(command)} MariaDB, the web tier (one process, eight requests at once), one worker "
        f"with two slots and the clients share these cores. {POLLERS} clients ask for the newest runs once a second "
        f"each until these have ended (`/status/<id>?charts=false`, the whole result at last); "
        f"{SUBMISSIONS_A_SECOND} runs of ten years are submitted a second; `/health` is asked twice a second on new "
        f"connections; for {outcome.seconds / 60:g} minutes.",
        "",
        *clients.HEAD,
        outcome.health.row("`GET /health`"),
        outcome.status.row("`GET /status/<id>`"),
        outcome.submit.row("`POST /run_backtest`"),
        "",
        f"{len(outcome.promised):,} runs were promised; {ends}. When the last was submitted, "
        f"{outcome.open_at_the_end:,} had not ended; {outcome.drained_seconds:.0f} s later all had.",
        "",
        f"| process | memory {_WARM_SECONDS:g} s after the beginning | at the end | processes | open files |",
        "|---|---:|---:|---:|---:|",
        *footprints,
        "",
        *reliability.missed(outcome.broken, otherwise="Every goal is met."),
    ]
