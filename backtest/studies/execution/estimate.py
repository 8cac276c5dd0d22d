"""How much a study will take, from a few of its trials that are executed and timed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from backtest.arrays import Ints
from backtest.prices.dataset import Dataset
from backtest.studies.execution.trials import Trials
from backtest.studies.plan import Plan, simulations
from backtest.studies.segments import account_range

PLACES: Final = 8
"""Places of the plan that are timed, evenly spread over it."""
PROBED: Final = 64
"""Neighbouring trials at each place, which share what the trials of a chunk share."""
LONGEST: Final = 0.3
"""Seconds after which nothing more is timed."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a study takes: its trials, refused combinations, simulations, and seconds on one core."""

    trials: int
    refused: int
    simulations: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The numbers by name."""
        return asdict(self)


def estimate(planned: Plan, datasets: Mapping[str, Dataset]) -> Estimate:
    """Time some trials of the first account; the compiler and the prices are loaded before the clock runs.

    The clock is that of this process: what else the machine does makes no trial longer.
    """
    own = account_range(planned.request, planned.accounts[0], datasets)
    account = Trials(planned, own)
    account.execute(np.zeros(1, np.int64))
    began, taken, done = time.process_time(), 0.0, 0
    for trials in _parts(planned.trials, account.at_once):
        account.execute(trials)
        taken, done = time.process_time() - began, done + len(trials)
        if taken > LONGEST:
            break
    each = taken / done
    count = simulations(planned, len(own.selection.bars))
    return Estimate(planned.trials, planned.refused, count, each * planned.rows)


def _parts(trials: int, at_once: int) -> Iterator[Ints]:
    """Neighbouring trials at some places of the plan, or all of a small one; one alone first, since it may be long."""
    firsts = np.unique(np.linspace(0, max(0, trials - PROBED), PLACES).astype(np.int64))
    for number, first in enumerate(firsts):
        place = np.arange(first, min(first + PROBED, trials))
        if number == 0:
            yield place[:1]
            place = place[1:]
        yield from (place[begin : begin + at_once] for begin in range(0, len(place), at_once))
