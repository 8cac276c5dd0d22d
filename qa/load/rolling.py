"""Two web replicas behind a proxy are replaced one after the other, again and again, while clients ask."""

from __future__ import annotations

import itertools
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from qa import reliability as page
from qa.environment import PRODUCTION, House
from qa.load import clients
from qa.load.balancer import Balancer
from qa.load.clients import Answers, Client, Crowd
from qa.mysql import Server
from qa.report import Tally
from store.admin.check import problems
from store.models import OPEN, Run

_CLIENTS, _EVERY_SECONDS = 20, 0.5
_LEAVING_SECONDS = 1.0
"""Between the moment a replica gets no new connections and SIGTERM, as the pods' preStop pause."""
_STEADY_SECONDS = 2.0


@dataclass
class Found:
    """What the clients saw."""

    restarts: int = 0
    answers: dict[str, Answers] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def run(*, rounds: int) -> Found:
    """Replace both replicas so many times."""
    found = Found()
    with tempfile.TemporaryDirectory(prefix="rolling-") as name:
        folder = Path(name)
        server = Server(folder / "server")
        house = House(server.url(), folder / "house", Tally("MySQL"), workers=1)
        try:
            house.open(**PRODUCTION)
            _roll(house, found, rounds)
            _reckon(house, found)
        finally:
            house.close()
            server.stop()
    return found


def _roll(house: House, found: Found, rounds: int) -> None:
    replicas = [house.replica() for _ in range(2)]
    balancer = Balancer([replica.port for replica in replicas])
    crowd = Crowd()
    for number in range(_CLIENTS):
        crowd.join(
            _asking(balancer.port, found, number),
            every_seconds=_EVERY_SECONDS,
            first_after=number * _EVERY_SECONDS / _CLIENTS,
        )
    for _ in range(rounds):
        for place in range(2):
            time.sleep(_STEADY_SECONDS)
            balancer.leave_out(replicas[place].port)
            time.sleep(_LEAVING_SECONDS)
            replicas[place].stop()
            replicas[place] = house.replica()
            balancer.take_in(replicas[place].port)
            found.restarts += 1
        house.tally.say(f"{found.restarts} restarts, {sum(map(len, found.answers.values()))} answers")
    time.sleep(_STEADY_SECONDS)
    crowd.leave()
    balancer.close()
    for replica in replicas:
        replica.stop()


def _asking(port: int, found: Found, number: int) -> Callable[[], None]:
    """A client with a new connection each time; every fifth submits and follows, the others read."""
    client, turns, lock = (
        Client(port, keeps_open=False, is_patient=True),
        itertools.count(number),
        threading.Lock(),
    )
    reading = ("/", "/api/runs", "/health", "/api/symbols")

    def answers(title: str) -> Answers:
        with lock:
            return found.answers.setdefault(title, Answers())

    def ask() -> None:
        turn = next(turns)
        if number % 5:
            path = reading[turn % len(reading)]
            client.ask(answers(f"`GET {path}`"), "GET", path)
            return
        body = {
            "symbols": ["SP500"], "rule_type": "MOVING_AVERAGE_CROSS", "params": {"fast": 5 + turn % 20, "slow": 40},
            "start_date": "2018-01-02", "end_date": "2018-12-31",
        }  # fmt: skip
        answer = client.ask(answers("`POST /run_backtest`"), "POST", "/run_backtest", body, wanted=202)
        if answer:
            run_id = json.loads(answer)["run_id"]
            found.promised.add(run_id)
            path = f"/status/{run_id}?charts=false"
            client.ask(answers("`GET /status/<id>`"), "GET", path)

    return ask


def _reckon(house: House, found: Found) -> None:
    if not house.until(lambda: house.all_ended(found.promised), seconds=600, what="all runs end"):
        found.broken.append("not every run ended")
    with house.database.read() as session:
        rows = session.execute(select(Run.run_id, Run.status)).all()
    found.ended.update(status for run_id, status in rows if run_id in found.promised)
    if found.ended["SUCCEEDED"] != len(found.promised) or set(found.ended) & set(OPEN):
        found.broken.append(f"{len(found.promised)} runs were promised, and {dict(found.ended)}")
    found.broken += [f"{title} failed: {dict(a.wrong)}" for title, a in found.answers.items() if a.wrong]
    found.broken += list(problems(house.database))


def section(found: Found, command: str) -> list[str]:
    """The section of the page."""
    return [
        f"{page.measured(command)} Two replicas of the web tier on one MariaDB, one worker. {_CLIENTS} clients ask "
        f"{_CLIENTS / _EVERY_SECONDS:g} times a second on new connections through a proxy that knows which replica "
        f"is ready. A replica is taken out, gets SIGTERM after {_LEAVING_SECONDS:g} s, ends when its requests are "
        f"answered, and is taken in again when the new one is ready: {found.restarts} times. A replica that is too "
        "busy says so (503 with Retry-After); a client then asks again as it was told, and that is counted.",
        "",
        *clients.HEAD,
        *(found.answers[title].row(title) for title in sorted(found.answers)),
        "",
        f"{sum(answers.busy for answers in found.answers.values()):,} times a client was told to come back. "
        f"{len(found.promised):,} runs were promised, {found.ended['SUCCEEDED']:,} SUCCEEDED.",
        "",
        *([f"* **Missed**: {text}" for text in found.broken] or ["No request failed."]),
    ]
