"""The same thing at once: clients submit one run, workers execute one run, steps store one result."""

from __future__ import annotations

import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, select

from qa.chaos.experiment import Experiment, pausing
from qa.examples import REQUEST
from store.models import Result, Run, Status

_CLIENTS = 10
_BEYOND_THE_LEASE_SECONDS = 3.0


def scenario(experiment: Experiment, rounds: int, chance: random.Random) -> None:
    """Each race as often."""
    for number in range(rounds):
        if experiment.report.is_over:
            return
        _same_run_id(experiment)
        _same_key(experiment)
        _same_run_id_for_two_requests(experiment)
        _two_persist_steps(experiment)
        if number % 4 == 0:
            _two_workers(experiment, chance)
    experiment.assert_consistent("races")


def _same_run_id(experiment: Experiment) -> None:
    kind, run_id = f"{_CLIENTS} clients submit the same run_id at once", str(uuid.uuid4())
    _assert_one_run(experiment, kind, _at_once(experiment, [{"run_id": run_id}] * _CLIENTS))


def _same_key(experiment: Experiment) -> None:
    kind, key = f"{_CLIENTS} clients submit under the same Idempotency-Key at once", str(uuid.uuid4())
    _assert_one_run(experiment, kind, _at_once(experiment, [{}] * _CLIENTS, {"Idempotency-Key": key}))


def _same_run_id_for_two_requests(experiment: Experiment) -> None:
    """One of the requests wins; the other is refused because the id is taken."""
    kind, run_id = "one run_id for two requests at once", str(uuid.uuid4())
    bodies = [{"run_id": run_id, "size": 50.0 + 25.0 * (number % 2)} for number in range(_CLIENTS)]
    _assert_one_run(experiment, kind, _at_once(experiment, bodies), refused=409)


def _assert_one_run(
    experiment: Experiment, kind: str, answers: Sequence[tuple[int, Any]], *, refused: int = 202
) -> None:
    """Every accepted submission names the same run, and there is one."""
    experiment.report.inject(kind)
    taken = {answer["run_id"] for status, answer in answers if status == 202}
    if len(taken) != 1 or any(status not in (202, refused) for status, _ in answers):
        experiment.report.violate(kind, "duplicate", f"{[status for status, _ in answers]} {sorted(taken)}")
    experiment.promised |= taken
    experiment.assert_invariants(kind)
    experiment.assert_next_succeeds(kind)


def _at_once(
    experiment: Experiment, bodies: Sequence[dict[str, Any]], headers: dict[str, str] | None = None
) -> list[tuple[int, Any]]:
    start, answers = threading.Barrier(len(bodies)), []

    def client(body: dict[str, Any]) -> None:
        start.wait()
        answers.append(
            experiment.environment.request_with_retry("POST", "/run_backtest", REQUEST | body, headers)
        )

    _together([lambda body=body: client(body) for body in bodies])  # type: ignore[misc]
    return answers


def _two_workers(experiment: Experiment, chance: random.Random) -> None:
    """The worker that has the run stands still until its lease is over, then goes on beside the next one."""
    kind = "two workers on one run"
    worker = experiment.wait_running(experiment.submit(**pausing(_BEYOND_THE_LEASE_SECONDS + 1.0)))
    time.sleep(chance.random() * 0.3)
    if worker:
        worker.send_signal(signal.SIGSTOP)
        time.sleep(_BEYOND_THE_LEASE_SECONDS)
        worker.send_signal(signal.SIGCONT)
    experiment.report.inject(kind)
    experiment.assert_invariants(kind)
    experiment.assert_next_succeeds(kind)


def _two_persist_steps(experiment: Experiment) -> None:
    """Three persist steps on the bundle of a finished engine step, while the workers are paused."""
    kind, environment = "three persist steps on one result", experiment.environment
    with environment.workers_paused():
        run_id = experiment.submit()
        arguments = "--run-id", run_id, "--bundle", environment.folder / "by-hand" / run_id
        environment.run_step("engine", *arguments)
        _together([lambda: environment.run_step("persist", *arguments)] * 3)
    experiment.report.inject(kind)
    experiment.assert_invariants(kind)
    with environment.database.read() as session:
        joined = select(func.count()).select_from(Result).join(Run).where(Run.run_id == run_id)
        if session.scalar(joined.where(Run.status == Status.SUCCEEDED)) != 1:
            experiment.report.violate(kind, "duplicate", f"{run_id} {dict(environment.row(run_id))}")
    experiment.assert_next_succeeds(kind)


def _together(works: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
