"""The fault suite on one record: a house on it, and every walk through it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qa.chaos import bundles, clock, database, kills, races
from qa.chaos.database import Fault
from qa.chaos.disk import Disk
from qa.chaos.proxy import Proxy
from qa.environment import House
from qa.mysql import Server
from qa.report import Tally

Record = Literal["SQLite", "MySQL"]
RECORDS: tuple[Record, ...] = ("SQLite", "MySQL")
_KILLS_A_ROUND = 40


@dataclass(frozen=True, slots=True)
class Place:
    """A house, and what may happen to the record under it."""

    house: House
    faults: list[Fault]


def run(tally: Tally, record: Record, *, rounds: int, walks: tuple[str, ...], seed: int) -> None:
    """Take these walks on a new record of that kind, one after the other in each round."""
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        _PLACES[record](Path(folder), tally, chance) as place,
    ):
        place.house.open()
        for number in range(rounds):
            for walk in walks:
                if not tally.is_over:
                    WALKS[walk](place, number, chance)
        place.house.close()


WALKS: Mapping[str, Callable[[Place, int, random.Random], None]] = {
    "bundles": lambda place, _, chance: bundles.walk(place.house, 2),
    "races": lambda place, _, chance: races.walk(place.house, 2, chance),
    "points": lambda place, _, chance: kills.at_points(place.house, 1),
    "moments": lambda place, _, chance: kills.at_any_moment(place.house, _KILLS_A_ROUND, chance),
    "database": lambda place, number, chance: database.walk(place.house, place.faults, number, chance),
    "clock": lambda place, _, chance: clock.walk(place.house, chance),
}


@contextmanager
def _on_a_file(folder: Path, tally: Tally, _chance: random.Random) -> Iterator[Place]:
    disk = Disk(folder / "disk", mebibytes=512)
    path = disk.folder / "record.sqlite3"
    house = House(f"sqlite:///{path}", folder / "house", tally, bundles=disk.folder / "bundles")
    try:
        yield Place(house, database.of_file(path, disk))
    finally:
        house.close()
        disk.close()


@contextmanager
def _on_a_server(folder: Path, tally: Tally, chance: random.Random) -> Iterator[Place]:
    disk = Disk(folder / "disk", mebibytes=768)
    server = Server(disk.folder / "server")
    proxy = Proxy(server.port)
    house = House(server.url(proxy.port), folder / "house", tally, direct=server.url())
    try:
        yield Place(house, database.of_server(server, proxy, disk, chance))
    finally:
        house.close()
        proxy.close()
        server.stop()
        disk.close()


_PLACES = {"SQLite": _on_a_file, "MySQL": _on_a_server}
