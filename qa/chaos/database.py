"""The database becomes unavailable while runs go through it, in every way in which a server or a file can."""

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
from qa.chaos.experiment import Experiment, pausing
from qa.chaos.proxy import Mode, Proxy
from qa.harness.mysql import MySQLServer

_LONG_HANG_SECONDS = 40.0
"""Longer than a statement may take: the product has to give up, and to come back."""
_MOST_UPLOADS, _BARS = 60, 4_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to fail: its name, how to inject it, and for how long."""

    kind: str
    inject: Callable[[], AbstractContextManager[None]]
    seconds: float = 2.0
    needs_writes: bool = False
    """Whether it shows only when much is written: price files are uploaded meanwhile."""


def of_server(server: MySQLServer, proxy: Proxy, disk: Disk, chance: random.Random) -> list[Fault]:
    """Faults of a database server, of the network before it, and of the disk under it."""

    @contextmanager
    def stopped(*, kill: bool) -> Iterator[None]:
        server.stop(kill=kill)
        yield
        server.start()

    @contextmanager
    def proxied(mode: Mode) -> Iterator[None]:
        proxy.set_mode(mode)
        yield
        proxy.set_mode("pass")

    @contextmanager
    def cut() -> Iterator[None]:
        proxy.cut()
        yield

    @contextmanager
    def cut_within_packet() -> Iterator[None]:
        proxy.cut_after(chance.randrange(1, 20_000))
        yield

    @contextmanager
    def out_of_connections() -> Iterator[None]:
        taken = server.occupy_connections()
        proxy.cut()
        taken += server.occupy_connections()
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
        Fault("server accepts and never answers, 2 s", lambda: proxied("hang")),
        Fault("server accepts and never answers, 40 s", lambda: proxied("hang"), _LONG_HANG_SECONDS),
        Fault("server refuses connections", lambda: proxied("refuse")),
        Fault("every connection cut", cut, 0.1),
        Fault("a connection cut in the midst of a packet", cut_within_packet, 0.5),
        Fault("server out of connections", out_of_connections),
        Fault("server read-only", read_only),
        Fault("the server's disk full", disk_full, needs_writes=True),
    ]


def of_file(path: Path, disk: Disk) -> list[Fault]:
    """Faults of an SQLite file and of its disk."""

    @contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    return [
        Fault("file locked by another process, 2 s", locked),
        Fault("file locked by another process, 40 s", locked, _LONG_HANG_SECONDS),
        Fault("the disk of file and bundles full", disk.full, needs_writes=True),
    ]


def scenario(experiment: Experiment, faults: list[Fault], number: int, chance: random.Random) -> None:
    """Each fault once, at another moment in each round `number`; the long ones once in four rounds."""
    for fault in faults:
        if experiment.report.is_over:
            return
        if fault.seconds < _LONG_HANG_SECONDS or number % 4 == 0:
            _inject(experiment, fault, chance)
    experiment.assert_consistent("the database away")


def _inject(experiment: Experiment, fault: Fault, chance: random.Random) -> None:
    """Runs wait, run and are submitted while the database is unavailable; no process may die of it.

    A fault counts only if the product noticed: a client got no answer or 503, or a process logged it.
    """
    kind, starts, seen = fault.kind, experiment.environment.starts, experiment.failures_seen()
    for _ in range(3):
        experiment.submit(**pausing(0.3))
    time.sleep(chance.random() * 0.8)
    client = threading.Thread(target=lambda: [experiment.submit() for _ in range(3)])
    with fault.inject():
        client.start()
        if fault.needs_writes:
            _upload(experiment, chance)
        time.sleep(fault.seconds)
    client.join()
    experiment.assert_invariants(kind)
    experiment.assert_next_succeeds(kind)
    experiment.report.inject(kind, 1 if experiment.failures_seen() > seen else 0)
    if died := experiment.environment.starts - starts:
        experiment.report.violate(kind, "died", f"{died} processes ended")
    experiment.report.progress(kind)


def _upload(experiment: Experiment, chance: random.Random) -> None:
    """Upload prices until there is no room for more."""
    for _ in range(_MOST_UPLOADS):
        path = f"/api/datasets?symbol=P{chance.randrange(10**9)}"
        status, _ = experiment.environment.request("POST", path, _prices(chance))
        if status in (0, 503):
            return


def _prices(chance: random.Random) -> bytes:
    first = date(2000, 1, 1)
    rows = ["Date,Open,High,Low,Close,Volume"]
    for day in range(_BARS):
        price = 50 + chance.random() * 50
        rows.append(f"{first + timedelta(day)},{price},{price * 1.1},{price * 0.9},{price},{day}")
    return "\n".join(rows).encode()
