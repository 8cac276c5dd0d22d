"""Rules as bad as code can be, to see that nothing but their own run suffers."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass

import numpy as np

from backtest.errors import InvalidTarget
from backtest.rules import Prices, Rule


@dataclass(frozen=True, slots=True)
class _Hostile(Rule):
    label = help = "Does harm."

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> np.ndarray:
        self.harm()
        return np.ones(len(prices))

    def harm(self) -> None:
        raise NotImplementedError


class Aborting(_Hostile):
    name = "ABORTING"

    def harm(self) -> None:
        os.abort()


class Eating(_Hostile):
    name = "EATING"

    def harm(self) -> None:
        eaten = []
        while True:
            eaten.append(np.ones(1_000_000))


class Sleeping(_Hostile):
    name = "SLEEPING"

    def harm(self) -> None:
        time.sleep(3_600)


class Raising(_Hostile):
    name = "RAISING"

    def harm(self) -> None:
        raise ZeroDivisionError("no password=correct-horse-battery here")


class LeavingChildren(_Hostile):
    name = "LEAVING_CHILDREN"

    def harm(self) -> None:
        subprocess.Popen(["sleep", "987654"])


class KillingItsWorker(_Hostile):
    name = "KILLING_ITS_WORKER"

    def harm(self) -> None:
        fork_server = os.getppid()
        with open(f"/proc/{fork_server}/stat", encoding="ascii") as stat:
            worker = int(stat.read().rpartition(")")[2].split()[1])
        os.kill(worker, signal.SIGKILL)
        time.sleep(60)


class Telling(_Hostile):
    name = "TELLING"

    def harm(self) -> None:
        raise RuntimeError("I know " + " and ".join(os.environ.values()))


class TellingAsInput(_Hostile):
    name = "TELLING_AS_INPUT"

    def harm(self) -> None:
        raise InvalidTarget("the environment is " + " and ".join(os.environ.values()))
