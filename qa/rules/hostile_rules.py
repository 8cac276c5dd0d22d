"""Rules that do as much harm as code can; nothing but their own run may suffer."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass

import numpy as np

from backtest.errors import InvalidTarget
from backtest.rules import Prices, Rule


@dataclass(frozen=True, slots=True)
class Hostile(Rule):
    label = help = "Does harm."

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> np.ndarray:
        self.harm()
        return np.ones(len(prices))

    def harm(self) -> None:
        raise NotImplementedError


class Aborting(Hostile):
    name = "ABORTING"

    def harm(self) -> None:
        os.abort()


class Eating(Hostile):
    name = "EATING"

    def harm(self) -> None:
        eaten = []
        while True:
            eaten.append(np.ones(1_000_000))


class Sleeping(Hostile):
    name = "SLEEPING"

    def harm(self) -> None:
        time.sleep(3_600)


class Raising(Hostile):
    name = "RAISING"

    def harm(self) -> None:
        raise ZeroDivisionError("no password=correct-horse-battery here")


class LeavingChildren(Hostile):
    name = "LEAVING_CHILDREN"

    def harm(self) -> None:
        subprocess.Popen(["sleep", "987654"])


class KillingItsWorker(Hostile):
    name = "KILLING_ITS_WORKER"

    def harm(self) -> None:
        fork_server = os.getppid()
        with open(f"/proc/{fork_server}/stat", encoding="ascii") as stat:
            worker = int(stat.read().rpartition(")")[2].split()[1])
        os.kill(worker, signal.SIGKILL)
        time.sleep(60)


class Muttering(Hostile):
    """Fails, and leaves a failure that lacks its words."""

    name = "MUTTERING"

    def harm(self) -> None:
        from workflows.steps import bundle

        write = bundle.write
        bundle.write = lambda folder, run_id, files: write(folder, run_id, dict.fromkeys(files, b"{}"))
        raise RuntimeError("nothing of this is left")


class Telling(Hostile):
    name = "TELLING"

    def harm(self) -> None:
        raise RuntimeError("I know " + " and ".join(os.environ.values()))


class TellingAsInput(Hostile):
    name = "TELLING_AS_INPUT"

    def harm(self) -> None:
        raise InvalidTarget("the environment is " + " and ".join(os.environ.values()))
