"""Ten thousand runs through one worker that is never started again: does it stay as quick and as small?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from config import logs
from config.settings import Settings
from qa import reliability as page
from qa.environment import PRODUCTION, REQUEST, House
from qa.load import footprint
from qa.load.footprint import Footprint
from qa.mysql import Server
from qa.report import Tally
from store.admin.check import problems
from store.models import OPEN, Run, Status
from workflows.launchers import LocalLauncher
from workflows.submission import submit

_WAITING = 100
"""So many runs wait at all times, so that the worker is never idle and never far behind."""
_SLOWER_BY = 0.10
_WARM_RUNS, _BLOCK_RUNS = 200, 500
_MOST_COLUMNS = 10


@dataclass
class Found:
    """What the worker was at the beginning, on the way and at the end."""

    record: str
    runs: int = 0
    rates: list[float] = field(default_factory=list)
    """Runs a second, in each block."""
    costs: list[float] = field(default_factory=list)
    """Milliseconds of processor time a run, in each block: what else the machine does hardly changes them."""
    prints: list[Footprint] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def run(*, runs: int, minutes: float, record: str) -> Found:
    """Put that many runs through one worker, or as many as it does in that time."""
    found = Found(record)
    logs.configure(process="soak", level="ERROR")
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        server = Server(folder / "server") if record == "MySQL" else None
        url = server.url() if server else f"sqlite:///{folder / 'record.sqlite3'}"
        house = House(url, folder / "house", Tally(record), workers=1)
        try:
            house.open(**PRODUCTION)
            _soak(house, found, runs, time.monotonic() + 60 * minutes)
        finally:
            house.close()
            if server:
                server.stop()
    return found


def _soak(house: House, found: Found, runs: int, over_at: float) -> None:
    settings = Settings(database_url=house.url)
    _through(house, settings, _WARM_RUNS)
    worker = house.workers[0]
    found.prints.append(footprint.of(worker.pid))
    while found.runs < runs and time.monotonic() < over_at:
        began, before = time.monotonic(), footprint.processor_seconds(worker.pid)
        _through(house, settings, _BLOCK_RUNS)
        taken = footprint.processor_seconds(worker.pid) - before
        found.runs += _BLOCK_RUNS
        found.costs.append(1_000 * taken / _BLOCK_RUNS)
        found.rates.append(_BLOCK_RUNS / (time.monotonic() - began))
        found.prints.append(footprint.of(worker.pid))
        house.tally.say(f"{found.runs:,} runs: {found.rates[-1]:.1f} a second, {found.prints[-1]}")
    found.left = [path.name for path in house.folder.glob("bundles/worker-*/*-*")]
    found.broken += _judged(house, found, is_the_same=house.workers == [worker] and worker.poll() is None)


def _through(house: House, settings: Settings, runs: int) -> None:
    """Submit so many, not more at once than shall wait, and wait for the last."""
    launcher = LocalLauncher()
    for number in range(runs):
        request = REQUEST | {"params": {"fast": 5 + number % 20, "slow": 30 + number % 97}}
        submit(settings, house.database, launcher, request, request)
        if number % 10 == 9:
            _wait(house, _WAITING)
    _wait(house, 0)


def _wait(house: House, at_most: int) -> None:
    while True:
        with house.database.read() as session:
            still = session.scalar(select(func.count()).select_from(Run).where(Run.status.in_(OPEN))) or 0
        if still <= at_most:
            return
        time.sleep(0.02)


def _judged(house: House, found: Found, *, is_the_same: bool) -> Iterable[str]:
    first, last = found.prints[0], found.prints[-1]
    if not is_the_same:
        yield "the worker was started again"
    if found.costs[-1] > found.costs[0] * (1 + _SLOWER_BY):
        yield f"a run takes {found.costs[-1]:.0f} ms of the processor in the last block, {found.costs[0]:.0f} in the first"
    if last.memory_mib > first.memory_mib * 1.1 + 5:
        yield f"memory grew from {first.memory_mib:.0f} to {last.memory_mib:.0f} MiB"
    if (last.processes, last.files, last.connections) != (first.processes, first.files, first.connections):
        yield f"something was left behind: {first} before, {last} after"
    if found.left:
        yield f"bundles were left behind: {found.left[:5]}"
    with house.database.read() as session:
        succeeded = session.scalar(select(func.count()).where(Run.status == Status.SUCCEEDED)) or 0
    if succeeded < found.runs + _WARM_RUNS:
        yield f"only {succeeded} runs succeeded"
    yield from problems(house.database)


def section(found: Found, command: str) -> list[str]:
    """The section of the page."""
    last = len(found.rates) - 1
    shown = sorted({round(place * last / (_MOST_COLUMNS - 1)) for place in range(_MOST_COLUMNS)})
    prints = [
        f"| after {_WARM_RUNS + _BLOCK_RUNS * place:,} runs | {one.memory_mib:.0f} MiB | {one.processes} | "
        f"{one.files} | {one.connections} |"
        for place, one in ((place, found.prints[place]) for place in sorted({0, (last + 1) // 2, last + 1}))
    ]
    return [
        f"{page.measured(command)} {found.runs:,} runs of a year go through one worker with two slots on "
        f"{found.record}, which is not started again; {_WAITING} runs wait at all times. After {_WARM_RUNS} runs to "
        f"warm up, each block of {_BLOCK_RUNS} is measured. Whether the worker became slower is judged by the "
        "processor time of a run, which does not depend on what else the machine does.",
        "",
        "| runs until | " + " | ".join(f"{_BLOCK_RUNS * (place + 1):,}" for place in shown) + " |",
        "|---|" + "---:|" * len(shown),
        "| runs a second | " + " | ".join(f"{found.rates[place]:.1f}" for place in shown) + " |",
        "| processor ms a run | " + " | ".join(f"{found.costs[place]:.0f}" for place in shown) + " |",
        "",
        "| worker, fork server and steps | memory | processes | open files | connections |",
        "|---|---:|---:|---:|---:|",
        *prints,
        "",
        *([f"* **Missed**: {text}" for text in found.broken]
          or ["Every run succeeded; no file, process or connection was left behind."]),
    ]  # fmt: skip
