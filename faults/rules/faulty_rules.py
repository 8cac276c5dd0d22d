"""Rules that only the fault suite installs: one takes its time, one ends its own process."""

import os
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backtest.fields import Field
from backtest.rules import Prices, Rule

_PAUSED = []


@dataclass(frozen=True, slots=True)
class Pausing(Rule):
    """Always long, after a pause."""

    name = "PAUSING"
    label = "Pausing"
    help = "Takes its time, so that something can happen meanwhile."
    params: ClassVar[tuple[Field, ...]] = (
        Field(name="seconds", kind="float", label="Pause", default=1.0, low=0.0, high=60.0, help="How long."),
    )

    seconds: float = 1.0

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> np.ndarray:
        if not _PAUSED:  # the look-ahead check asks again
            _PAUSED.append(True)
            time.sleep(self.seconds)
        return np.ones(len(prices))


@dataclass(frozen=True, slots=True)
class Aborting(Rule):
    """Crashes the step that asks it."""

    name = "ABORTING"
    label = "Aborting"
    help = "Crashes its step."

    @property
    def warmup(self) -> int:
        return 0

    def exposure(self, prices: Prices) -> np.ndarray:
        os.abort()
