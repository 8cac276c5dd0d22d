"""Known falls of the market, and what account and benchmark did in each that a run covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats, Times
from backtest.simulation.curves import below_peak

SOURCE: Final = "from the peak to the trough of the S&P 500's closes (S&P Dow Jones Indices)"


@dataclass(frozen=True, slots=True)
class Crisis:
    """A fall of the S&P 500 from a highest to a lowest close, both as YYYY-MM-DD."""

    name: str
    first: str
    last: str


CRISES: Final = (
    Crisis("Oil crisis", "1973-01-11", "1974-10-03"),
    Crisis("Disinflation of 1981–82", "1980-11-28", "1982-08-12"),
    Crisis("Crash of 1987", "1987-08-25", "1987-12-04"),
    Crisis("Invasion of Kuwait", "1990-07-16", "1990-10-11"),
    Crisis("Russian default, LTCM", "1998-07-17", "1998-08-31"),
    Crisis("Dot-com bust", "2000-03-24", "2002-10-09"),
    Crisis("11 September 2001", "2001-09-10", "2001-09-21"),
    Crisis("Financial crisis", "2007-10-09", "2009-03-09"),
    Crisis("Flash crash, Greece", "2010-04-23", "2010-07-02"),
    Crisis("Downgrade of US debt, euro crisis", "2011-04-29", "2011-10-03"),
    Crisis("China, oil", "2015-05-21", "2016-02-11"),
    Crisis("Fourth quarter of 2018", "2018-09-20", "2018-12-24"),
    Crisis("COVID-19", "2020-02-19", "2020-03-23"),
    Crisis("Inflation of 2022", "2022-01-03", "2022-10-12"),
    Crisis("Tariffs of 2025", "2025-02-19", "2025-04-08"),
)
"""In the order of time."""


def covered(times: Times, equity: Floats, benchmark: Floats) -> list[dict[str, Any]]:
    """Each crisis of which the run has at least two closes, with returns and the worst drawdown within it.

    Parameters
    ----------
    times : (T,) strictly increasing
    equity, benchmark : (T,) currency at each close

    Returns
    -------
    one row each: name, the closes that were compared, whether the run covers the whole, the returns of
    account and benchmark from the first close to the last, and the drawdown of each (None from nothing)
    """
    rows = (_row(crisis, times, equity, benchmark) for crisis in CRISES)
    return [row for row in rows if row is not None]


def _row(crisis: Crisis, times: Times, equity: Floats, benchmark: Floats) -> dict[str, Any] | None:
    first, last = _close_of(times, crisis.first), _close_of(times, crisis.last)
    start = max(first, 0)
    if last <= start:
        return None
    part = slice(start, last + 1)
    begins, ends = (str(times[bar].astype("datetime64[D]")) for bar in (start, last))
    return {
        "name": crisis.name,
        "first": begins,
        "last": ends,
        "whole": first >= 0 and bool(times[-1] >= np.datetime64(crisis.last)),
        "return": _growth(equity[part]),
        "benchmark_return": _growth(benchmark[part]),
        "max_drawdown": _drawdown(equity[part]),
        "benchmark_max_drawdown": _drawdown(benchmark[part]),
    }


def _close_of(times: Times, day: str) -> int:
    """The last bar on or before a day; -1 where there is none."""
    return int(np.searchsorted(times, np.datetime64(day) + np.timedelta64(1, "D"))) - 1


def _drawdown(values: Floats) -> float | None:
    return float(below_peak(values).min()) if values[0] > 0 else None


def _growth(values: Floats) -> float | None:
    return float(values[-1] / values[0] - 1) if values[0] > 0 else None
