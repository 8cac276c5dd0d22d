"""How much a study will take, from a few of its trials that are executed and timed."""

from __future__ import annotations

import time
from collections.abc import Mapping
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
LONGEST: Final = 0.5
"""Seconds after which no further place is timed."""


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
    places = _places(planned.trials)
    account.execute(places[0][:1])
    began, done = time.process_time(), 0
    for trials in places:
        account.execute(trials)
        done += len(trials)
        if time.process_time() - began > LONGEST:
            break
    each = (time.process_time() - began) / done
    count = simulations(planned, len(own.selection.bars))
    return Estimate(planned.trials, planned.refused, count, each * planned.rows)


def _places(trials: int) -> list[Ints]:
    """Neighbouring trials at some places of the plan; all of a small one."""
    firsts = np.unique(np.linspace(0, max(0, trials - PROBED), PLACES).astype(np.int64))
    return [np.arange(first, min(first + PROBED, trials)) for first in firsts]
