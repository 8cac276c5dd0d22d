"""Ten thousand runs through one worker that is never restarted: does it stay as quick and as small?"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from config import logs
from qa import reliability
from qa.harness.environment import PRODUCTION, DatabaseKind, TestEnvironment, running_on
from qa.harness.processes import wait_until
from qa.load import footprint
from qa.load.clients import varied_request
from qa.load.footprint import Footprint
from store.admin.check import problems
from store.models import Status

_WAITING = 100
"""So many runs wait at all times, so that the worker is never idle and never far behind."""
_SLOWER_BY = 0.10
_WARM_RUNS, _BLOCK_RUNS = 200, 500
_MOST_COLUMNS = 10
_BLOCK_SECONDS = 3_600.0


@dataclass
class Outcome:
    """What the worker was at the beginning, on the way and at the end."""

    database: str
    runs: int = 0
    rates: list[float] = field(default_factory=list)
    """Runs a second, in each block."""
    costs: list[float] = field(default_factory=list)
    """Milliseconds of processor time a run, in each block; other load on the machine hardly changes them."""
    footprints: list[Footprint] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def run(*, runs: int, minutes: float, database: DatabaseKind) -> Outcome:
    """Put that many runs through one worker, or as many as it does in that time."""
    outcome = Outcome(database)
    logs.configure(process="soak", level="ERROR")
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        running_on(database, Path(folder), PRODUCTION) as environment,
    ):
        _soak(environment, outcome, runs, time.monotonic() + 60 * minutes)
    return outcome


def _soak(environment: TestEnvironment, outcome: Outcome, runs: int, over_at: float) -> None:
    already = sum(environment.counts().values())
    _execute(environment, _WARM_RUNS)
    worker = environment.workers[0]
    outcome.footprints.append(footprint.of(worker.pid))
    while outcome.runs < runs and time.monotonic() < over_at:
        started, before = time.monotonic(), footprint.processor_seconds(worker.pid)
        _execute(environment, _BLOCK_RUNS)
        taken = footprint.processor_seconds(worker.pid) - before
        outcome.runs += _BLOCK_RUNS
        outcome.costs.append(1_000 * taken / _BLOCK_RUNS)
        outcome.rates.append(_BLOCK_RUNS / (time.monotonic() - started))
        outcome.footprints.append(footprint.of(worker.pid))
        text = f"{outcome.runs:,} runs: {outcome.rates[-1]:.1f} a second, {outcome.footprints[-1]}"
        print(text, file=sys.stderr, flush=True)
    outcome.left = [path.name for path in environment.bundles.glob("worker-*/*-*")]
    if worker.poll() is not None or environment.workers != [worker]:
        outcome.broken.append("the worker was restarted")
    outcome.broken += _broken(environment, outcome, expected=already + _WARM_RUNS + outcome.runs)


def _execute(environment: TestEnvironment, runs: int) -> None:
    """Queue so many, not more at once than shall wait, and wait for the last."""
    for number in range(runs):
        environment.enqueue(**varied_request(number, first_day="2018-01-02"))
        if number % 10 == 9:
            wait_until(lambda: environment.open_runs() <= _WAITING, seconds=_BLOCK_SECONDS)
    wait_until(lambda: not environment.open_runs(), seconds=_BLOCK_SECONDS)


def _broken(environment: TestEnvironment, outcome: Outcome, *, expected: int) -> Iterable[str]:
    first, last = outcome.footprints[0], outcome.footprints[-1]
    if outcome.costs[-1] > outcome.costs[0] * (1 + _SLOWER_BY):
        costs = f"{outcome.costs[-1]:.0f} ms of the processor in the last block, {outcome.costs[0]:.0f} in the first"
        yield f"a run takes {costs}"
    if last.memory_mib > first.memory_mib * 1.1 + 5:
        yield f"memory grew from {first.memory_mib:.0f} to {last.memory_mib:.0f} MiB"
    if (last.processes, last.files, last.connections) != (first.processes, first.files, first.connections):
        yield f"something was left behind: {first} before, {last} after"
    if outcome.left:
        yield f"bundles were left behind: {outcome.left[:5]}"
    succeeded = environment.counts().get(Status.SUCCEEDED, 0)
    if succeeded < expected:
        yield f"only {succeeded} of {expected} runs succeeded"
    yield from problems(environment.database)


def section(outcome: Outcome, command: str) -> list[str]:
    """The section of the page."""
    last = len(outcome.rates) - 1
    shown = sorted({round(place * last / (_MOST_COLUMNS - 1)) for place in range(_MOST_COLUMNS)})
    footprints = [
        f"| after {_WARM_RUNS + _BLOCK_RUNS * place:,} runs | {one.memory_mib:.0f} MiB | {one.processes} | "
        f"{one.files} | {one.connections} |"
        for place, one in (
            (place, outcome.footprints[place]) for place in sorted({0, (last + 1) // 2, last + 1})
        )
    ]
    return [
        f"{reliability.measured(command)} {outcome.runs:,} runs of a year go through one worker with two slots on "
        f"{outcome.database}, which is not restarted; {_WAITING} runs wait at all times. After {_WARM_RUNS} runs to "
        f"warm up, each block of {_BLOCK_RUNS} is measured. Whether the worker became slower is judged by the "
        "processor time of a run, which does not depend on what else the machine does.",
        "",
        "| runs until | " + " | ".join(f"{_BLOCK_RUNS * (place + 1):,}" for place in shown) + " |",
        "|---|" + "---:|" * len(shown),
        "| runs a second | " + " | ".join(f"{outcome.rates[place]:.1f}" for place in shown) + " |",
        "| processor ms a run | " + " | ".join(f"{outcome.costs[place]:.0f}" for place in shown) + " |",
        "",
        "| worker, fork server and steps | memory | processes | open files | connections |",
        "|---|---:|---:|---:|---:|",
        *footprints,
        "",
        *reliability.missed(
            outcome.broken,
            otherwise="Every run succeeded; no file, process or connection was left behind.",
        ),
    ]
