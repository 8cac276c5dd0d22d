"""Kill -9: at every named point of a run, and at any moment."""

from __future__ import annotations

import random
import signal
import time
from contextlib import suppress

import psutil

from qa.chaos.experiment import ABORTING, Experiment, pausing
from store.models import OPEN, Status
from workflows.failpoints import POINTS, Point
from workflows.steps import bundle

KILLED = {"killed": "was killed from outside"}
CRASHED = {"crashed": "crashed (SIGABRT)"}


def at_failpoints(experiment: Experiment, rounds: int) -> None:
    """Kill at each point as often, one run after the other."""
    for point in POINTS:
        kind = f"kill -9 of {point.process} at {len(_points_of(point.process))} points"
        for _ in range(rounds):
            if experiment.report.is_over:
                return
            _at(experiment, point, kind)
        experiment.report.progress(f"{point.name}: {point.moment}")
    experiment.assert_consistent("kill -9 at named points")


def at_any_moment(experiment: Experiment, kills: int, chance: random.Random) -> None:
    """Kill some process of the environment at some moment, while runs go through it without a pause."""
    kind = "kill -9 at any moment"
    for number in range(kills):
        if experiment.report.is_over:
            break
        for _ in range(2):
            experiment.submit(**(pausing(0.1) if chance.random() < 0.2 else {}))
        time.sleep(chance.random() * 0.4)
        if experiment.environment.kill(chance.choice(_processes(experiment))):
            experiment.report.inject(kind)
        experiment.environment.supervise()
        if number % 10 == 9:
            experiment.assert_invariants(kind, allowed=KILLED)
            experiment.assert_next_succeeds(kind)
            experiment.report.progress(kind)
    experiment.assert_invariants(kind, allowed=KILLED)
    experiment.assert_consistent(kind)


def _points_of(process: str) -> list[Point]:
    return [point for point in POINTS if point.process == process]


def _processes(experiment: Experiment) -> list[int]:
    """Workers, fork servers, steps and the web's processes, as they are now."""
    pids: list[int] = []
    environment = experiment.environment
    for process in filter(None, (*environment.workers, environment.web)):
        with suppress(psutil.NoSuchProcess):
            descendants = psutil.Process(process.pid).children(recursive=True)
            pids += [process.pid, *(descendant.pid for descendant in descendants)]
    return pids


def _at(experiment: Experiment, point: Point, kind: str) -> None:
    """Arm the failpoint, do what leads to it, and assert every invariant."""
    armed = experiment.environment.arm(point.name)
    trigger = next((way for prefix, way in _TRIGGERS.items() if point.name.startswith(prefix)), _submit)
    trigger(experiment, point)
    if experiment.environment.happens(lambda: not armed.exists()):
        experiment.report.inject(kind)
    else:
        experiment.report.progress(f"{point.name} was not hit")
    armed.unlink(missing_ok=True)
    experiment.environment.supervise()
    experiment.assert_invariants(kind, allowed=_allowed(point))
    experiment.assert_next_succeeds(kind)


def _allowed(point: Point) -> dict[str, str]:
    """What a kill of this process may do to the run: only its own steps take a run along."""
    if point.name.startswith("failure"):
        return CRASHED
    if point.name.startswith("refusal"):
        return {"bad_result": "The result was not stored"}
    return KILLED if point.process in ("engine", "persist") else {}


def _submit(experiment: Experiment, _point: Point) -> None:
    experiment.submit()


def _cancel(experiment: Experiment, _point: Point) -> None:
    run_id = experiment.submit(**pausing(30))
    experiment.environment.cancel(run_id)
    if not experiment.environment.is_status(run_id, Status.CANCELLED):
        row = experiment.environment.row(run_id)
        experiment.report.violate("kill -9 of web", "lost", f"{run_id} was cancelled and is {row}")


def _outlast_a_lease(experiment: Experiment, _point: Point) -> None:
    experiment.submit(**pausing(0.6))


def _crash(experiment: Experiment, _point: Point) -> None:
    experiment.submit(**ABORTING)


def _kill_the_worker(experiment: Experiment, _point: Point) -> None:
    if worker := experiment.wait_running(experiment.submit(**pausing(1.0))):
        experiment.environment.kill(worker.pid)


def _stop_twice(experiment: Experiment, _point: Point) -> None:
    """Two requests to stop: the worker gives back at once what it has."""
    worker = experiment.wait_running(experiment.submit(**pausing(2.0)))
    for _ in range(2):
        if worker:
            worker.send_signal(signal.SIGTERM)
        time.sleep(0.3)


def _refuse_a_bundle(experiment: Experiment, point: Point) -> None:
    """Two persist steps on a bundle that was altered, while the workers are paused."""
    environment = experiment.environment
    with environment.workers_paused():
        run_id = experiment.submit()
        folder = environment.folder / "altered" / run_id
        bundle.write(folder, run_id, {bundle.SUMMARY: b"{}"})
        (folder / bundle.SUMMARY).write_bytes(b"[]")
        for _ in range(2):
            environment.run_step("persist", "--run-id", run_id, "--bundle", folder)
        if environment.is_status(run_id, *OPEN):
            experiment.report.violate(f"kill -9 at {point.name}", "stuck", f"{run_id} is not refused")


_TRIGGERS = {
    "cancel": _cancel,
    "renew": _outlast_a_lease,
    "failure": _crash,
    "takeover": _kill_the_worker,
    "giving-back": _stop_twice,
    "refusal": _refuse_a_bundle,
}
"""What leads to a failpoint, by the beginning of its name; to all others leads a submission."""
