"""Kill -9: at every named point of a run, and at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil

from qa.environment import ABORTING, ROOT, House, pausing
from store.models import OPEN, Status
from workflows.failpoints import POINTS, Point
from workflows.steps import bundle

KILLED = {"killed": "was killed from outside"}
CRASHED = {"crashed": "crashed (SIGABRT)"}


def at_points(house: House, rounds: int) -> None:
    """Kill at each point as often, one run after the other."""
    for point in POINTS:
        kind = f"kill -9 of {point.process} at {len(_points_of(point.process))} points"
        for _ in range(rounds):
            if house.tally.is_over:
                return
            _at(house, point, kind)
        house.tally.say(f"{point.name}: {point.moment}")
    house.check("kill -9 at named points")


def at_any_moment(house: House, kills: int, chance: random.Random) -> None:
    """Kill some process of the house at some moment, while runs go through it without a pause."""
    kind = "kill -9 at any moment"
    for number in range(kills):
        if house.tally.is_over:
            break
        for _ in range(2):
            house.submit(**(pausing(0.1) if chance.random() < 0.2 else {}))
        time.sleep(chance.random() * 0.4)
        if house.kill(chance.choice(_processes(house))):
            house.tally.inject(kind)
        house.keep()
        if number % 10 == 9:
            house.reckon(kind, allowed=KILLED)
            house.next_works(kind)
            house.tally.say(kind)
    house.reckon(kind, allowed=KILLED)
    house.check(kind)


def _points_of(process: str) -> list[Point]:
    return [point for point in POINTS if point.process == process]


def _processes(house: House) -> list[int]:
    """Workers, fork servers, steps and the web's processes, as they are now."""
    found: list[int] = []
    for process in [*house.workers, *([house.web] if house.web else [])]:
        with suppress(psutil.NoSuchProcess):
            found += [process.pid, *(one.pid for one in psutil.Process(process.pid).children(recursive=True))]
    return found


def _at(house: House, point: Point, kind: str) -> None:
    """Arm the point, do what leads to it, and see what became of everything."""
    armed = house.arm(point.name)
    for part, way in _WAYS.items():
        if point.name.startswith(part):
            way(house, point)
            break
    else:
        house.submit()
    if house.until(lambda: not armed.exists(), seconds=30, what=f"{point.name} is reached"):
        house.tally.inject(kind)
    armed.unlink(missing_ok=True)
    house.keep()
    house.reckon(kind, allowed=_allowed(point))
    house.next_works(kind)


def _allowed(point: Point) -> dict[str, str]:
    """What a kill of this process may do to the run: only its own steps take a run along."""
    if point.name.startswith("failure"):
        return CRASHED
    if point.name.startswith("refusal"):
        return {"bad_result": "The result was not stored"}
    return KILLED if point.process in ("engine", "persist") else {}


def _cancelled(house: House, _point: Point) -> None:
    run_id = house.submit(**pausing(30))
    house.cancel(run_id)
    if not house.is_status(run_id, Status.CANCELLED):
        house.tally.breaks("kill -9 of web", "lost", f"{run_id} was cancelled and is {house.row(run_id)}")


def _lasting(house: House, _point: Point) -> None:
    house.submit(**pausing(0.6))


def _failing(house: House, _point: Point) -> None:
    house.submit(**ABORTING)


def _taken_over(house: House, _point: Point) -> None:
    run_id = house.submit(**pausing(1.0))
    house.until(lambda: house.is_status(run_id, Status.RUNNING), seconds=30, what="the run begins")
    _kill_holder(house, run_id)


def _given_back(house: House, _point: Point) -> None:
    """Two calls to stop: the worker gives back at once what it has."""
    run_id = house.submit(**pausing(2.0))
    house.until(lambda: house.is_status(run_id, Status.RUNNING), seconds=30, what="the run begins")
    holder = _holder(house, run_id)
    for _ in range(2):
        for worker in house.workers:
            if worker.pid == holder:
                worker.send_signal(signal.SIGTERM)
        time.sleep(0.3)


def _refused(house: House, point: Point) -> None:
    """A persist step on a bundle that was altered, beside the workers, which are stopped meanwhile."""
    for worker in house.workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        run_id = house.submit()
        folder = house.folder / "altered" / run_id
        bundle.write(folder, run_id, {bundle.SUMMARY: b"{}"})
        (folder / bundle.SUMMARY).write_bytes(b"[]")
        step = [sys.executable, "-m", "workflows.steps.persist", "--run-id", run_id, "--bundle", str(folder)]
        environment = psutil.Process().environ() | house.environment()
        for _ in range(2):
            subprocess.run(step, cwd=ROOT, env=environment, capture_output=True, check=False)
        if house.is_status(run_id, *OPEN):
            house.tally.breaks(f"kill -9 at {point.name}", "stuck", f"{run_id} is not refused")
    finally:
        for worker in house.workers:
            worker.send_signal(signal.SIGCONT)


def _holder(house: House, run_id: str) -> int:
    owner = house.row(run_id)["lease_owner"] or "::"
    return int(owner.split(":")[1] or 0)


def _kill_holder(house: House, run_id: str) -> None:
    if pid := _holder(house, run_id):
        house.kill(pid)


_WAYS = {
    "cancel": _cancelled,
    "renew": _lasting,
    "failure": _failing,
    "takeover": _taken_over,
    "giving-back": _given_back,
    "refusal": _refused,
}
