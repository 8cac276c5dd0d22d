"""Which of three numbers is the day, the month and the year, decided by a whole column or asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags
from backtest.prices.reading.options import DateOrder, Question

Numbers = NDArray[np.int32]
Days = NDArray[np.int64]

_FIRST_YEAR, _LAST_YEAR = 1600, 2200
_FIRST_OF_MONTH: Final = (
    np.arange(f"{_FIRST_YEAR}-01", f"{_LAST_YEAR + 1}-02", dtype="datetime64[M]")
    .astype("datetime64[D]")
    .view(np.int64)
)
"""Days since 1970 of the first of each month."""
_FEWEST_WEEKDAYS: Final = 20
"""Different days that must all be Monday to Friday before that speaks for an order."""
_WORDS: Final = {"mdy": "MM/DD/YYYY", "dmy": "DD/MM/YYYY", "ymd": "YY/MM/DD"}


def days_of(year: Numbers, month: Numbers, day: Numbers) -> tuple[Days, Flags]:
    """Days since 1970, and whether the calendar has no such day."""
    wrong = (year < _FIRST_YEAR) | (year > _LAST_YEAR) | (month < 1) | (month > 12) | (day < 1)
    months = np.where(wrong, 0, (year - _FIRST_YEAR) * 12 + month - 1)
    first = _FIRST_OF_MONTH[months]
    wrong |= day > _FIRST_OF_MONTH[months + 1] - first
    return np.asarray(first + np.where(wrong, 1, day) - 1, np.int64), wrong


def full_year(short: Numbers) -> Numbers:
    """The year of two digits: 69 to 99 are of the last century."""
    return np.asarray(short + np.where(short < 69, 2000, 1900), np.int32)


def decide_order(
    numbers: tuple[Numbers, Numbers, Numbers],
    *,
    short_years: bool,
    asked: DateOrder | None,
    likeliest: DateOrder,
) -> tuple[tuple[Numbers, Numbers, Numbers], str, Question | None]:
    """Year, month and day of three numbers as they are written, the year last or, of two digits, perhaps first.

    Returns
    -------
    year, month and day, the order in words, and a question where two orders fit equally well
    """
    readings = _readings(numbers, short_years)
    if asked and asked in readings:
        return readings[asked], _WORDS[asked], None
    scores = {order: _score(*reading) for order, reading in readings.items()}
    best = max(scores.values())
    fitting = [order for order, score in scores.items() if score == best]
    guess = min(fitting, key=lambda order: (_span(*readings[order]), order != likeliest))
    question = None
    if len(fitting) > 1:
        written = "/".join(f"{int(number[0]):02d}" for number in numbers)
        meant = " or ".join(_shown(readings[order]) for order in fitting)
        question = Question("dates", f"Does {written} mean {meant}?", tuple(fitting), guess)
    return readings[guess], _WORDS[guess], question


def _readings(
    numbers: tuple[Numbers, Numbers, Numbers], short_years: bool
) -> Mapping[str, tuple[Numbers, Numbers, Numbers]]:
    first, second, third = numbers
    year = full_year(third) if short_years else third
    readings = {"mdy": (year, first, second), "dmy": (year, second, first)}
    return readings | ({"ymd": (full_year(first), second, third)} if short_years else {})


def _score(year: Numbers, month: Numbers, day: Numbers) -> tuple[float, bool, bool]:
    """Share of days that exist, whether they are in order, and whether many of them are Monday to Friday."""
    days, wrong = days_of(year, month, day)
    days = days[~wrong]
    steps = np.diff(days)
    in_order = len(days) > 2 and bool((steps >= 0).all() or (steps <= 0).all())
    return float(1 - wrong.mean()), in_order, _are_weekdays(days)


def _span(year: Numbers, month: Numbers, day: Numbers) -> int:
    """Days from the first to the last: bars lie closer together than a wrong order makes them."""
    days, wrong = days_of(year, month, day)
    return int(np.ptp(days[~wrong])) if not wrong.all() else 0


def _are_weekdays(days: Days) -> bool:
    if not ((days + 3) % 7 < 5).all():  # 1970-01-01 is a Thursday
        return False
    return bool(np.count_nonzero(np.diff(np.sort(days))) >= _FEWEST_WEEKDAYS - 1)


def _shown(reading: tuple[Numbers, Numbers, Numbers]) -> str:
    year, month, day = (int(number[0]) for number in reading)
    return f"{year}-{month:02d}-{day:02d}"
