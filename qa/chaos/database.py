"""The record goes away while runs go through it, in every way in which a server or a file can."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from qa.chaos.disk import Disk
from qa.chaos.proxy import Proxy
from qa.environment import House, pausing
from qa.mysql import Server

_LONG_HANG_SECONDS = 40.0
"""Longer than a statement may take: the product has to give up, and to come back."""
_MOST_UPLOADS, _BARS = 60, 4_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to fail: what it is called, how to bring it about, and for how long."""

    kind: str
    bring_about: Callable[[], AbstractContextManager[None]]
    seconds: float = 2.0
    pressing: bool = False
    """Whether it is felt only by much that is written: price files are uploaded meanwhile."""


def of_server(server: Server, proxy: Proxy, disk: Disk, chance: random.Random) -> list[Fault]:
    """What can happen to a database server, the network before it, and the disk under it."""

    @contextmanager
    def stopped(*, kill: bool) -> Iterator[None]:
        server.stop(kill=kill)
        yield
        server.start()

    @contextmanager
    def mannered(manner: str) -> Iterator[None]:
        proxy.manner(manner)  # type: ignore[arg-type]
        yield
        proxy.manner("pass")

    @contextmanager
    def cut() -> Iterator[None]:
        proxy.cut()
        yield

    @contextmanager
    def cut_in_midst() -> Iterator[None]:
        proxy.cut_after(chance.randrange(1, 20_000))
        yield

    @contextmanager
    def crowded() -> Iterator[None]:
        taken = server.hog()
        proxy.cut()
        taken += server.hog()
        yield
        for connection in taken:
            connection.close()

    @contextmanager
    def read_only() -> Iterator[None]:
        server.execute("SET GLOBAL read_only = 1")
        yield
        server.execute("SET GLOBAL read_only = 0")

    @contextmanager
    def disk_full() -> Iterator[None]:
        with disk.full():
            yield
        if not server.is_running:
            server.start()

    return [
        Fault("server stopped and started", lambda: stopped(kill=False)),
        Fault("server killed and started", lambda: stopped(kill=True)),
        Fault("server accepts and never answers, 2 s", lambda: mannered("hang")),
        Fault("server accepts and never answers, 40 s", lambda: mannered("hang"), _LONG_HANG_SECONDS),
        Fault("server refuses connections", lambda: mannered("refuse")),
        Fault("every connection cut", cut, 0.1),
        Fault("a connection cut in the midst of a packet", cut_in_midst, 0.5),
        Fault("server out of connections", crowded),
        Fault("server read-only", read_only),
        Fault("the server's disk full", disk_full, pressing=True),
    ]


def of_file(path: Path, disk: Disk) -> list[Fault]:
    """What can happen to an SQLite file and the disk that it is on."""

    @contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    return [
        Fault("file locked by somebody else, 2 s", locked),
        Fault("file locked by somebody else, 40 s", locked, _LONG_HANG_SECONDS),
        Fault("the disk of file and bundles full", disk.full, pressing=True),
    ]


def walk(house: House, faults: list[Fault], number: int, chance: random.Random) -> None:
    """Each fault once, at another moment in each round `number`; the long ones once in four rounds."""
    for fault in faults:
        if house.tally.is_over:
            return
        if fault.seconds < _LONG_HANG_SECONDS or number % 4 == 0:
            _once(house, fault, chance)
    house.check("the database away")


def _once(house: House, fault: Fault, chance: random.Random) -> None:
    """Runs wait, run and are submitted while the record is away; no process may die of it.

    Only a fault that the product felt is counted: a client got no answer or 503, or a process logged it.
    """
    kind, before, felt = fault.kind, house.restarts, house.felt()
    for _ in range(3):
        house.submit(**pausing(0.3))
    time.sleep(chance.random() * 0.8)
    client = threading.Thread(target=lambda: [house.submit() for _ in range(3)])
    with fault.bring_about():
        client.start()
        if fault.pressing:
            _press(house, chance)
        time.sleep(fault.seconds)
    client.join()
    house.reckon(kind)
    house.next_works(kind)
    house.tally.inject(kind, 1 if house.felt() > felt else 0)
    if house.restarts != before:
        house.tally.breaks(kind, "died", f"{house.restarts - before} processes ended")
    house.tally.say(kind)


def _press(house: House, chance: random.Random) -> None:
    """Upload prices until there is no room for more."""
    for _ in range(_MOST_UPLOADS):
        status, _ = house.ask("POST", f"/api/datasets?symbol=P{chance.randrange(10**9)}", _prices(chance))
        if status in (0, 503):
            return


def _prices(chance: random.Random) -> bytes:
    first = date(2000, 1, 1)
    rows = ["Date,Open,High,Low,Close,Volume"]
    for day in range(_BARS):
        price = 50 + chance.random() * 50
        rows.append(f"{first + timedelta(day)},{price},{price * 1.1},{price * 0.9},{price},{day}")
    return "\n".join(rows).encode()
