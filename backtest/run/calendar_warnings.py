"""Warnings about the calendar of a run: where it begins and ends, what it leaves out, what warms up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from backtest.arrays import Times
from backtest.plural import counted
from backtest.prices.calendar import Year, distinct, stamp
from backtest.run.warnings import RunWarning

LATE_DAYS = 7
"""Days by which prices may begin after start_date, or end before end_date, without a warning."""


def of_dropped_bars(calendars: Mapping[str, Times], traded: Times) -> list[RunWarning]:
    """Bars within the traded range that some symbols have and others lack.

    Parameters
    ----------
    calendars : every bar of each symbol
    traded : (T,) the bars that all of them have, from the first traded to the last
    """
    own = {symbol: _within(times, traded) for symbol, times in calendars.items()}
    if all(len(times) == len(traded) for times in own.values()):
        return []
    every = distinct(np.concatenate(list(own.values())))
    missing = {symbol: np.setdiff1d(every, times, assume_unique=True) for symbol, times in own.items()}
    causes = [_cause(symbol, times) for symbol, times in missing.items() if len(times)]
    lost = [
        f"{counted(len(times) - len(traded), 'bar')} of {symbol}"
        for symbol, times in own.items()
        if len(times) > len(traded)
    ]
    text = (
        f"Only bars common to all symbols are used. {'; '.join(causes)}. "
        f"Left out within the range: {', '.join(lost)}. Stops and targets that were reached on those bars are "
        "filled on the next common bar, at another price, and drawdowns on them are not seen."
    )
    return [RunWarning("bars_dropped", text)]


def of_range(calendars: Mapping[str, Times], traded: Times, start: date, end: date) -> list[RunWarning]:
    """Prices that begin well after the start date, or end well before the end date, and of which symbol."""
    warnings = []
    first, last = traded[0].astype("datetime64[D]"), traded[-1].astype("datetime64[D]")
    if _days(np.datetime64(start), first) > LATE_DAYS:
        warnings.append(RunWarning("late_start", _late(calendars, first, start)))
    if _days(last, np.datetime64(end)) > LATE_DAYS:
        warnings.append(RunWarning("early_end", _early(calendars, last, end)))
    return warnings


def of_warmup(calendars: Mapping[str, Times], starts: Sequence[int], needed: int) -> list[RunWarning]:
    """Symbols with fewer bars before the first traded one than the rule needs.

    Parameters
    ----------
    calendars : bars of each symbol up to the last traded one
    starts : of each symbol the first traded one
    needed : bars that the rule needs before the first at which it can want a position
    """
    return [
        RunWarning("short_warmup", _short(symbol, times, start, needed))
        for (symbol, times), start in zip(calendars.items(), starts, strict=True)
        if start < needed
    ]


def of_year(year: Year, timeframe: str, symbols: Sequence[str]) -> list[RunWarning]:
    """Closes of a year that are not those on which yearly figures rest."""
    if year.counted is None or year.fits:
        return []
    factor = math.sqrt(year.periods / year.counted)
    off = f"{abs(factor - 1):.0%} too {'high' if factor > 1 else 'low'}"
    text = (
        f"Yearly figures count {year.periods} closes a year, as of {timeframe} bars, but the prices of "
        f"{', '.join(symbols)} have about {year.counted:.0f}: volatility and Sharpe ratio are {off}, and the annual "
        f"return differs from the CAGR. Borrow is charged by the counted closes. If the bars are not {timeframe} "
        "bars, import the prices again."
    )
    return [RunWarning("periods_per_year", text)]


def _within(times: Times, traded: Times) -> Times:
    return times[np.searchsorted(times, traded[0]) : np.searchsorted(times, traded[-1], side="right")]


def _cause(symbol: str, missing: Times) -> str:
    first, last = stamp(missing[0]), stamp(missing[-1])
    span = f"on {first}" if len(missing) == 1 else f"from {first} to {last}"
    return f"{symbol} lacks {counted(len(missing), 'bar')} {span} that other symbols have"


def _days(earlier: np.datetime64, later: np.datetime64) -> int:
    return int((later.astype("datetime64[D]") - earlier.astype("datetime64[D]")).astype(int))


def _late(calendars: Mapping[str, Times], first: np.datetime64, start: date) -> str:
    if len(calendars) == 1:
        return f"Trading starts on {first}, the first available bar, not on {start}."
    late = [symbol for symbol, times in calendars.items() if _days(times[0], first) <= LATE_DAYS]
    why = f"{_named(late)} no earlier price" if late else "the symbols have no earlier bar in common"
    return f"Trading of all symbols starts on {first}, not on {start}: {why}."


def _early(calendars: Mapping[str, Times], last: np.datetime64, end: date) -> str:
    if len(calendars) == 1:
        return f"Prices end on {last}, before the end date {end}."
    ended = [symbol for symbol, times in calendars.items() if _days(last, times[-1]) <= LATE_DAYS]
    why = f"{_named(ended)} no later price" if ended else "the symbols have no later bar in common"
    return f"Trading of all symbols ends on {last}, before the end date {end}: {why}."


def _named(symbols: list[str]) -> str:
    return f"{', '.join(symbols)} {'has' if len(symbols) == 1 else 'have'}"


def _short(symbol: str, times: Times, own: int, needed: int) -> str:
    begins = (
        f"its first possible signal is on {stamp(times[needed])}"
        if needed < len(times)
        else "no signal is possible in this range"
    )
    return (
        f"{symbol} has {counted(own, 'bar')} before trading starts, but the rule needs {needed:,} to warm up: "
        f"{begins}."
    )
