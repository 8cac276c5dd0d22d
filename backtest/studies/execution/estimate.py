"""How much a study will take, from a few of its trials that are executed and timed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from backtest.prices.dataset import Dataset
from backtest.studies.execution.trials import Trials
from backtest.studies.plan import Plan, simulations
from backtest.studies.segments import account_range

PROBED: Final = 64
"""Trials that are timed, evenly spread over the plan."""
LONGEST: Final = 0.5
"""Seconds after which no further part of them is executed."""
_PART: Final = 8


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
    """Time some trials of the first account; the compiler and the prices are loaded before the clock runs."""
    own = account_range(planned.request, planned.accounts[0], datasets)
    trials = np.unique(np.linspace(0, planned.trials - 1, min(PROBED, planned.trials)).astype(np.int64))
    account = Trials(planned, own)
    account.execute(trials[:1])
    began, done = time.perf_counter(), 0
    while done < len(trials) and time.perf_counter() - began < LONGEST:
        account.execute(trials[done : done + _PART])
        done = min(done + _PART, len(trials))
    each = (time.perf_counter() - began) / done
    count = simulations(planned, len(own.selection.bars))
    return Estimate(planned.trials, planned.refused, count, each * planned.rows)
