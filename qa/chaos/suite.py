"""The fault suite on one kind of database: an experiment on it, and every scenario in it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qa.chaos import bundles, clients, clock, database, kills, races, studies
from qa.chaos.database import Fault
from qa.chaos.disk import Disk
from qa.chaos.experiment import Experiment
from qa.chaos.proxy import Proxy
from qa.chaos.report import Report
from qa.harness.environment import DatabaseKind, TestEnvironment
from qa.harness.mysql import MySQLServer

MILLION = "million"
_MILLION_MEBIBYTES = 4_096
_KILLS_A_ROUND = 40
_KILLS_OF_STUDIES_A_ROUND = 25


@dataclass(frozen=True, slots=True)
class Site:
    """An experiment, and what may happen to the database under it."""

    experiment: Experiment
    faults: list[Fault]


def run(report: Report, kind: DatabaseKind, *, rounds: int, scenarios: tuple[str, ...], seed: int) -> None:
    """Execute these scenarios on a new database of that kind, one after the other in each round."""
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,
        _SITES[kind](Path(folder), report, chance, _MILLION_MEBIBYTES if MILLION in scenarios else 0) as site,
    ):
        site.experiment.start()
        for number in range(rounds):
            for scenario in scenarios:
                if not report.is_over:
                    SCENARIOS[scenario](site, number, chance)


SCENARIOS: Mapping[str, Callable[[Site, int, random.Random], None]] = {
    "bundles": lambda site, _, chance: bundles.scenario(site.experiment, 2),
    "clients": lambda site, _, chance: clients.scenario(site.experiment, 2),
    "races": lambda site, _, chance: races.scenario(site.experiment, 2, chance),
    "points": lambda site, _, chance: kills.at_failpoints(site.experiment, 1),
    "moments": lambda site, _, chance: kills.at_any_moment(site.experiment, _KILLS_A_ROUND, chance),
    "studies": lambda site, _, chance: studies.scenario(
        site.experiment, studies.SMALL, _KILLS_OF_STUDIES_A_ROUND, chance
    ),
    "database": lambda site, number, chance: database.scenario(site.experiment, site.faults, number, chance),
    "clock": lambda site, _, chance: clock.scenario(site.experiment, chance),
    MILLION: lambda site, _, chance: studies.scenario(
        site.experiment, studies.LARGE, studies.LARGE.kills, chance
    ),
}
USUAL = tuple(name for name in SCENARIOS if name != MILLION)
"""What `make faults` executes: a million trials take longer than all of it."""


@contextmanager
def _on_sqlite(folder: Path, report: Report, _chance: random.Random, more_mebibytes: int) -> Iterator[Site]:
    disk = Disk(folder / "disk", mebibytes=512 + more_mebibytes)
    path = disk.folder / "backtest.sqlite3"
    environment = TestEnvironment(
        f"sqlite:///{path}", folder / "environment", bundles=disk.folder / "bundles"
    )
    try:
        yield Site(Experiment(environment, report), database.of_file(path, disk))
    finally:
        environment.stop()
        disk.close()


@contextmanager
def _on_mysql(folder: Path, report: Report, chance: random.Random, more_mebibytes: int) -> Iterator[Site]:
    disk = Disk(folder / "disk", mebibytes=768 + more_mebibytes)
    server = MySQLServer(disk.folder / "server")
    proxy = Proxy(server.port)
    environment = TestEnvironment(server.url(proxy.port), folder / "environment", direct_url=server.url())
    try:
        yield Site(Experiment(environment, report), database.of_server(server, proxy, disk, chance))
    finally:
        environment.stop()
        proxy.close()
        server.stop()
        disk.close()


_SITES = {"SQLite": _on_sqlite, "MySQL": _on_mysql}
