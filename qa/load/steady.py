"""Many watch and many submit at once, for minutes: how quickly are they answered, and is anything lost?"""

from __future__ import annotations

import itertools
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from qa import reliability as page
from qa.environment import PRODUCTION, House
from qa.load import clients, footprint
from qa.load.clients import Answers, Client, Crowd
from qa.load.footprint import Footprint
from qa.mysql import Server
from qa.report import Tally
from store.admin.check import problems
from store.models import OPEN, Run

POLLERS, SUBMISSIONS_A_SECOND = 50, 20
STATUS_GOAL_MS = 50.0
_SUBMITTERS = 4
_WARM_SECONDS = 30.0
_LONGEST_SECONDS = 3_600.0
_DRAIN_SECONDS = 1_800.0
_SWITCH_SECONDS = 0.000_5
"""So that what is measured is the wait for an answer, and not for the other clients of this process."""
_ENDED = re.compile(rb'"status": ?"(SUCCEEDED|FAILED|CANCELLED)"')
"""Whole results are not decoded: the clients share the cores with what they measure."""


@dataclass
class Found:
    """What one load came to."""

    seconds: float
    status: Answers = field(default_factory=Answers)
    submit: Answers = field(default_factory=Answers)
    health: Answers = field(default_factory=Answers)
    promised: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    prints: dict[str, list[Footprint]] = field(default_factory=dict)
    behind: int = 0
    """Runs that had not ended when the last was submitted."""
    drained_seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def run(*, seconds: float) -> Found:
    """Press a web tier and one worker on a MySQL of their own, then let the worker finish."""
    found = Found(min(seconds, _LONGEST_SECONDS))
    sys.setswitchinterval(_SWITCH_SECONDS)
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        server = Server(folder / "server")
        house = House(server.url(), folder / "house", Tally("MySQL"), workers=1)
        try:
            house.open(**PRODUCTION)
            _press(house, found)
            _finish(house, found)
        finally:
            house.close()
            server.stop()
    return found


def _press(house: House, found: Found) -> None:
    crowd, newest = Crowd(), deque[str](maxlen=POLLERS)
    numbers, lock = itertools.count(), threading.Lock()
    for number in range(_SUBMITTERS):
        submitter = _submitter(Client(house.port), found, newest, numbers, lock)
        crowd.join(
            submitter,
            every_seconds=_SUBMITTERS / SUBMISSIONS_A_SECOND,
            first_after=number / SUBMISSIONS_A_SECOND,
        )
    for number in range(POLLERS):
        crowd.join(
            _poller(Client(house.port), found, newest), every_seconds=1.0, first_after=1 + number / POLLERS
        )
    watching = Client(house.port, keeps_open=False)
    crowd.join(lambda: _note(watching.ask(found.health, "GET", "/health")), every_seconds=0.5)
    time.sleep(min(_WARM_SECONDS, found.seconds / 2))
    _measure(house, found)
    for _ in range(10):
        time.sleep((found.seconds - min(_WARM_SECONDS, found.seconds / 2)) / 10)
        house.tally.say(
            f"{len(found.status)} polls, p99 {found.status.percentile(99):.0f} ms, {len(found.promised)} runs"
        )
    _measure(house, found)
    crowd.leave()


def _submitter(
    client: Client, found: Found, newest: deque[str], numbers: itertools.count[int], lock: threading.Lock
) -> Callable[[], None]:
    """Ten years of one of the bundled symbols, a rule with other parameters each time."""

    def submit() -> None:
        number = next(numbers)
        body = {
            "symbols": ["SP500"],
            "rule_type": "MOVING_AVERAGE_CROSS",
            "params": {"fast": 5 + number % 20, "slow": 30 + number % 97},
            "start_date": "2009-01-02",
            "end_date": "2018-12-31",
            "fee_rate": 0.001,
        }
        answer = client.ask(found.submit, "POST", "/run_backtest", body, wanted=202)
        if answer:
            run_id = json.loads(answer)["run_id"]
            with lock:
                found.promised.add(run_id)
            newest.append(run_id)

    return submit


def _poller(client: Client, found: Found, newest: deque[str]) -> Callable[[], None]:
    """Follow a new run until it has ended, then the next one, as the page does."""
    followed = ""

    def poll() -> None:
        nonlocal followed
        if not followed and newest:
            followed = newest[-1]
        if followed:
            answer = client.ask(found.status, "GET", f"/status/{followed}?charts=false")
            followed = "" if answer and _ENDED.search(answer) else followed

    return poll


def _finish(house: House, found: Found) -> None:
    """Nothing is submitted any more: wait until the worker has done everything, and count."""
    with house.database.read() as session:
        found.behind = session.scalar(select(func.count()).where(Run.status.in_(OPEN))) or 0
    began = time.monotonic()
    if not house.until(lambda: house.all_ended(found.promised), seconds=_DRAIN_SECONDS, what="all runs end"):
        found.broken.append("not every run ended")
    found.drained_seconds = time.monotonic() - began
    with house.database.read() as session:
        rows = session.execute(select(Run.run_id, Run.status)).all()
    found.ended.update(status for run_id, status in rows if run_id in found.promised)
    if lost := len(found.promised) - found.ended.total():
        found.broken.append(f"{lost} runs were promised and are not in the record")
    if found.ended["SUCCEEDED"] != len(found.promised):
        found.broken.append(f"not every run succeeded: {dict(found.ended)}")
    found.broken += list(problems(house.database))
    for title, answers in (
        ("/health", found.health),
        ("/status", found.status),
        ("submissions", found.submit),
    ):
        if answers.wrong:
            found.broken.append(f"{title} failed: {dict(answers.wrong)}")
    if found.status.percentile(99) > STATUS_GOAL_MS:
        found.broken.append(
            f"p99 of /status is {found.status.percentile(99):.0f} ms, wanted {STATUS_GOAL_MS:g}"
        )


def _measure(house: House, found: Found) -> None:
    assert house.web is not None
    for name, pid in (("web", house.web.pid), ("worker", house.workers[0].pid)):
        found.prints.setdefault(name, []).append(footprint.of(pid))


def _note(_answer: Any) -> None:
    """The answers keep their own count."""


def section(found: Found, command: str) -> list[str]:
    """The section of the page."""
    prints = [
        f"| {name} | {' | '.join(f'{one.memory_mib:.0f} MiB' for one in both)} | {both[-1].processes} | {both[-1].files} |"
        for name, both in found.prints.items()
    ]
    return [
        f"{page.measured(command)} MariaDB, the web tier (one process, eight requests at once), one worker with two slots "
        f"and the clients share these cores. {POLLERS} clients ask for the newest runs once a second each until "
        f"these have ended (`/status/<id>?charts=false`, the whole result at last); {SUBMISSIONS_A_SECOND} runs of "
        f"ten years are submitted a second; `/health` is asked twice a second on new connections; for "
        f"{found.seconds / 60:g} minutes.",
        "",
        *clients.HEAD,
        found.health.row("`GET /health`"),
        found.status.row("`GET /status/<id>`"),
        found.submit.row("`POST /run_backtest`"),
        "",
        f"{len(found.promised):,} runs were promised; {_ends(found)}. When the last was submitted, {found.behind:,} "
        f"had not ended; {found.drained_seconds:.0f} s later all had.",
        "",
        f"| process | memory {_WARM_SECONDS:g} s after the beginning | at the end | processes | open files |",
        "|---|---:|---:|---:|---:|",
        *prints,
        "",
        *([f"* **Missed**: {text}" for text in found.broken] or ["Every goal is met."]),
    ]


def _ends(found: Found) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in found.ended.most_common())
