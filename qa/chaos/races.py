"""Many do the same at once: clients submit one run, workers execute one run, steps store one result."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import psutil
from sqlalchemy import func, select

from qa.environment import REQUEST, ROOT, House, pausing
from store.models import Result, Run, Status

_CLIENTS = 10
_BEYOND_THE_LEASE_SECONDS = 3.0


def walk(house: House, rounds: int, chance: random.Random) -> None:
    """Each race as often."""
    for number in range(rounds):
        if house.tally.is_over:
            return
        _same_run_id(house)
        _same_key(house)
        _same_run_id_for_two_requests(house)
        _two_persist_steps(house)
        if number % 4 == 0:
            _two_workers(house, chance)
    house.check("races")


def _same_run_id(house: House) -> None:
    kind, run_id = f"{_CLIENTS} clients submit the same run_id at once", str(uuid.uuid4())
    _judge(house, kind, _at_once(house, [{"run_id": run_id}] * _CLIENTS))


def _same_key(house: House) -> None:
    kind, key = f"{_CLIENTS} clients submit under the same Idempotency-Key at once", str(uuid.uuid4())
    _judge(house, kind, _at_once(house, [{}] * _CLIENTS, {"Idempotency-Key": key}))


def _same_run_id_for_two_requests(house: House) -> None:
    """One of the requests wins, the other is told that the id is taken."""
    kind, run_id = "one run_id for two requests at once", str(uuid.uuid4())
    bodies = [{"run_id": run_id, "size": 50.0 + 25.0 * (number % 2)} for number in range(_CLIENTS)]
    _judge(house, kind, _at_once(house, bodies), refused=409)


def _judge(house: House, kind: str, answers: Sequence[tuple[int, Any]], *, refused: int = 202) -> None:
    """All that were taken are told of the same run, and there is one."""
    house.tally.inject(kind)
    taken = {answer["run_id"] for status, answer in answers if status == 202}
    if len(taken) != 1 or any(status not in (202, refused) for status, _ in answers):
        house.tally.breaks(kind, "duplicate", f"{[status for status, _ in answers]} {sorted(taken)}")
    house.asked |= taken
    house.reckon(kind)
    house.next_works(kind)


def _at_once(
    house: House, bodies: Sequence[dict[str, Any]], headers: dict[str, str] | None = None
) -> list[tuple[int, Any]]:
    start, answers = threading.Barrier(len(bodies)), []

    def client(body: dict[str, Any]) -> None:
        start.wait()
        answers.append(house.insist("POST", "/run_backtest", REQUEST | body, headers))

    _together([lambda body=body: client(body) for body in bodies])  # type: ignore[misc]
    return answers


def _two_workers(house: House, chance: random.Random) -> None:
    """Whoever has the run stands still until its lease is over, then goes on beside the one who took over."""
    kind = "two workers on one run"
    run_id = house.submit(**pausing(_BEYOND_THE_LEASE_SECONDS + 1.0))
    house.until(lambda: house.is_status(run_id, Status.RUNNING), seconds=30, what="the run begins")
    owner = house.row(run_id)["lease_owner"] or "::0"
    holders = [worker for worker in house.workers if worker.pid == int(owner.split(":")[1])]
    time.sleep(chance.random() * 0.3)
    for worker in holders:
        worker.send_signal(signal.SIGSTOP)
    time.sleep(_BEYOND_THE_LEASE_SECONDS)
    for worker in holders:
        worker.send_signal(signal.SIGCONT)
    house.tally.inject(kind)
    house.reckon(kind)
    house.next_works(kind)


def _two_persist_steps(house: House) -> None:
    """Three persist steps on the bundle of a finished engine step, while no worker interferes."""
    kind = "three persist steps on one result"
    for worker in house.workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        run_id = house.submit()
        arguments = ["--run-id", run_id, "--bundle", str(house.folder / "by-hand" / run_id)]
        environment = psutil.Process().environ() | house.environment()

        def step(name: str) -> None:
            command = [sys.executable, "-m", f"workflows.steps.{name}", *arguments]
            subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)

        step("engine")
        _together([lambda: step("persist")] * 3)
    finally:
        for worker in house.workers:
            worker.send_signal(signal.SIGCONT)
    house.tally.inject(kind)
    house.reckon(kind)
    with house.database.read() as session:
        joined = select(func.count()).select_from(Result).join(Run).where(Run.run_id == run_id)
        if session.scalar(joined.where(Run.status == Status.SUCCEEDED)) != 1:
            house.tally.breaks(kind, "duplicate", f"{run_id} {dict(house.row(run_id))}")
    house.next_works(kind)


def _together(works: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
