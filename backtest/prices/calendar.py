"""The trading calendar of a series of bars: which closes end a period, how many periods a year has."""

from __future__ import annotations

from typing import Final

import numpy as np

from backtest.arrays import Indices, Times

PER_YEAR: Final = {"1w": 52, "1mo": 12, "3mo": 4, "1y": 1}
TRADING_DAYS: Final = 252
CALENDAR_DAYS: Final = 365
LOOKED_AT: Final = 2_000
WEEKEND_SHARE: Final = 0.2
"""Share of bars on Saturdays and Sundays from which on a market has no weekend: 2 of 7 days are 0.29."""

_DAY: Final = 86_400


def is_intraday(timeframe: str) -> bool:
    """Whether bars are shorter than a day: seconds, minutes or hours."""
    return timeframe[-1:] in {"s", "m", "h"}


def stamp(time: np.datetime64) -> str:
    """A timestamp as ISO text, without the time of day where that is midnight: 2024-01-02."""
    return str(time).removesuffix("T00:00:00")


def daily_rows(times: Times, timeframe: str) -> Indices | None:
    """The first bar and the last one of each day; None for bars of a day or longer, where all count."""
    if not is_intraday(timeframe) or len(times) == 0:
        return None
    days = times.view(np.int64) // _DAY
    last = np.append(np.flatnonzero(days[1:] != days[:-1]), len(times) - 1)
    return last if last[0] == 0 else np.concatenate((np.zeros(1, np.intp), last))


def periods_per_year(times: Times, timeframe: str) -> int:
    """Periods that make a year.

    Parameters
    ----------
    times : (n,) datetime64[s], closes that end a period
    timeframe : length of a bar

    Returns
    -------
    52, 12, 4 or 1 for weeks, months, quarters, years; else 252, or 365 where weekends are traded
    """
    if timeframe in PER_YEAR:
        return PER_YEAR[timeframe]
    return CALENDAR_DAYS if trades_weekends(times) else TRADING_DAYS


def trades_weekends(times: Times) -> bool:
    """Whether at least a fifth of the closes fall on a Saturday or Sunday."""
    if len(times) == 0:
        return False
    stride = 1 + len(times) // LOOKED_AT
    stride += stride % 7 == 0  # else every look would fall on the same day of the week
    some = np.ascontiguousarray(times[::stride]).view(np.int64)
    weekday = (some // _DAY + 3) % 7  # 1970-01-01 was a Thursday
    return bool((weekday >= 5).mean() >= WEEKEND_SHARE)
