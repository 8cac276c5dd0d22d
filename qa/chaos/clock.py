"""The machine's clock jumps, as after a wrong time server or a restored virtual machine."""

from __future__ import annotations

import random
import time
from pathlib import Path

from qa.environment import House, pausing

_LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
)
_JUMPS_SECONDS = (-5, -60, -3_600, -86_400, -400 * 86_400, 5, 3_600, 86_400)


class Clock:
    """The time of day that every process of a house sees; the time that passes stays as it is."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    def set(self, offset_seconds: int) -> None:
        """From now on the time of day is so much later than it really is."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(f"{offset_seconds:+d}s", encoding="ascii")
        unfinished.replace(self._file)

    def environment(self) -> dict[str, str]:
        """What a process needs to see this clock."""
        found = [path for path in _LIBRARIES if Path(path).exists()]
        if not found:
            raise RuntimeError("libfaketime is not installed: apt-get install faketime")
        return {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


def walk(house: House, chance: random.Random) -> None:
    """The clock jumps back and forth while runs wait and run; at every second jump a worker is killed too."""
    clock = Clock(house.folder)
    house.close()
    house.open(**clock.environment())
    for number, jump in enumerate(_JUMPS_SECONDS):
        if not house.tally.is_over:
            _jump(house, clock, jump, kills=number % 2 == 1, chance=chance)
    house.check("clock")
    house.close()
    house.open()


def _jump(house: House, clock: Clock, seconds: int, *, kills: bool, chance: random.Random) -> None:
    """There and, while runs are under way, back again."""
    for offset in (seconds, 0):
        back = offset < (0 if offset == seconds else seconds)
        kind = f"clock set {'back' if back else 'forward'}{', a worker killed' if kills else ''}"
        for duration in (1.0, 0.1, 0.1):
            house.submit(**pausing(duration))
        time.sleep(0.2 + chance.random() * 0.6)
        clock.set(offset)
        house.tally.inject(kind)
        if kills:
            house.kill(chance.choice(house.workers).pid)
        house.submit()
        house.reckon(kind)
        house.next_works(kind)
    house.tally.say(f"clock {seconds:+d} s")
