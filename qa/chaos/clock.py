"""The machine's clock jumps, as after a wrong time server or a restored virtual machine."""

from __future__ import annotations

import random
import time
from pathlib import Path

from qa.chaos.experiment import Experiment, pausing

_LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
)
_JUMPS_SECONDS = (-5, -60, -3_600, -86_400, -400 * 86_400, 5, 3_600, 86_400)


class Clock:
    """The time of day that every process of an environment sees; monotonic time stays as it is."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    def set(self, offset_seconds: int) -> None:
        """Shift the time of day by so much."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(f"{offset_seconds:+d}s", encoding="ascii")
        unfinished.replace(self._file)

    def environment(self) -> dict[str, str]:
        """Variables that make a process see this clock."""
        return {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


def library() -> str:
    """The library that shifts the clock; raises where it is not installed."""
    installed = [path for path in _LIBRARIES if Path(path).exists()]
    if not installed:
        raise RuntimeError("libfaketime is not installed: apt-get install faketime")
    return installed[0]


def scenario(experiment: Experiment, chance: random.Random) -> None:
    """The clock jumps back and forth while runs wait and run; at every second jump a worker is killed too."""
    clock = Clock(experiment.environment.folder)
    experiment.environment.stop()
    experiment.start(**clock.environment())
    for number, jump in enumerate(_JUMPS_SECONDS):
        if not experiment.report.is_over:
            _jump(experiment, clock, jump, kills=number % 2 == 1, chance=chance)
    experiment.assert_consistent("clock")
    experiment.environment.stop()
    experiment.start()


def _jump(experiment: Experiment, clock: Clock, seconds: int, *, kills: bool, chance: random.Random) -> None:
    """There and, while runs are under way, back again."""
    environment = experiment.environment
    for offset in (seconds, 0):
        back = offset < (0 if offset == seconds else seconds)
        kind = f"clock set {'back' if back else 'forward'}{', a worker killed' if kills else ''}"
        for duration in (1.0, 0.1, 0.1):
            experiment.submit(**pausing(duration))
        time.sleep(0.2 + chance.random() * 0.6)
        clock.set(offset)
        experiment.report.inject(kind)
        if kills:
            environment.kill(chance.choice(environment.workers).pid)
        experiment.submit()
        experiment.assert_invariants(kind)
        experiment.assert_next_succeeds(kind)
    experiment.report.progress(f"clock {seconds:+d} s")
