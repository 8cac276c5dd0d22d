"""The bars that a request trades, found from calendars alone: whether datasets fit each other needs no price."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backtest.arrays import Indices, Times
from backtest.errors import FieldError, InvalidRequest
from backtest.plural import counted
from backtest.prices.bars import common_times
from backtest.prices.calendar import Year, stamp
from backtest.run.calendar_warnings import of_dropped_bars, of_range, of_warmup, of_year
from backtest.run.request import RunRequest
from backtest.run.warnings import RunWarning


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """When a symbol has bars: (T,) times, strictly increasing; its prices are named by their hash alone."""

    symbol: str
    timeframe: str
    data_hash: str
    times: Times


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """What a request trades.

    Parameters
    ----------
    calendars : all bars of each symbol
    common : the bars that all symbols have, whatever the range
    times : (T,) those of them that are traded
    rows : (T,) of each symbol the own bar at each traded one
    year : what a year of the common bars has
    hashes : data hash of each symbol, the benchmark's included
    data_hash : the one hash of what the symbols' prices are
    benchmark_rows : (T,) the benchmark's bar at each traded one; None where there is no benchmark
    warnings : what is worth knowing about the calendar
    """

    calendars: tuple[Calendar, ...]
    common: Times
    times: Times
    rows: tuple[Indices, ...]
    year: Year
    hashes: dict[str, str]
    data_hash: str
    benchmark_rows: Indices | None
    warnings: list[RunWarning]

    @property
    def starts(self) -> list[int]:
        """First traded bar of each symbol among its own: so many bars warm it up."""
        return [int(row[0]) for row in self.rows]

    def warmed_up(self, needed: int) -> Span:
        """The same with a warning for each symbol that has fewer bars than a rule needs to warm up."""
        pairs = zip(self.calendars, self.rows, strict=True)
        short = of_warmup({own.symbol: own.times[: row[-1] + 1] for own, row in pairs}, self.starts, needed)
        return replace(self, warnings=self.warnings + short)


def find_span(request: RunRequest, calendars: Mapping[str, Calendar]) -> Span:
    """Find the bars that all symbols of a request have from its start to its end date.

    Raises
    ------
    InvalidRequest
        If a symbol has no calendar or another timeframe, there is no common bar, or none in the range.
    """
    chosen = tuple(_of(calendars, symbol, "symbols") for symbol in request.symbols)
    _check_timeframes(chosen)
    common = _common(chosen)
    start, stop = _range(request, common)
    traded = common[start:stop]
    rows, more = _benchmark(request, calendars, chosen[0].timeframe, traded)
    hashes = {calendar.symbol: calendar.data_hash for calendar in chosen}
    data_hash = combined_hash(list(hashes.values()))
    if request.benchmark:
        hashes[request.benchmark] = calendars[request.benchmark].data_hash
    own = {calendar.symbol: calendar.times for calendar in chosen}
    year = Year.of(common, chosen[0].timeframe)
    warnings = [
        *of_year(year, chosen[0].timeframe, request.symbols),
        *of_dropped_bars(own, traded),
        *of_range(own, traded, request.start_date, request.end_date),
        *more,
    ]
    symbol_rows = tuple(np.searchsorted(times, traded) for times in own.values())
    return Span(chosen, common, traded, symbol_rows, year, hashes, data_hash, rows, warnings)


def combined_hash(hashes: list[str]) -> str:
    """The one hash of a single dataset; of several the SHA-256 over theirs in order."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _of(calendars: Mapping[str, Calendar], symbol: str, name: str) -> Calendar:
    if symbol not in calendars:
        known = ", ".join(sorted(calendars)[:20]) or "none"
        raise InvalidRequest([FieldError(name, f"No price data for {symbol}. Available: {known}", symbol)])
    return calendars[symbol]


def _check_timeframes(chosen: Sequence[Calendar]) -> None:
    first = chosen[0]
    for other in chosen[1:]:
        if other.timeframe != first.timeframe:
            text = (
                f"must have the same interval, but {first.symbol} has {first.timeframe} bars and "
                f"{other.symbol} has {other.timeframe} bars"
            )
            raise InvalidRequest([FieldError("symbols", text, other.symbol)])


def _common(chosen: Sequence[Calendar]) -> Times:
    common = common_times([calendar.times for calendar in chosen])
    if len(common) == 0:
        spans = "; ".join(f"{calendar.symbol} {_dates(calendar.times)}" for calendar in chosen)
        raise InvalidRequest([FieldError("symbols", f"must have bars in common: {spans}")])
    return common


def _range(request: RunRequest, times: Times) -> tuple[int, int]:
    start = int(np.searchsorted(times, np.datetime64(request.start_date, "s")))
    behind = np.datetime64(request.end_date, "s") + np.timedelta64(86_400, "s")
    stop = int(np.searchsorted(times, behind))
    if start < stop:
        return start, stop
    available = f"prices of {', '.join(request.symbols)} are available from {_dates(times)}"
    if start == len(times):
        wrong = FieldError(
            "start_date", f"must not be after the last bar: {available}", str(request.start_date)
        )
    elif stop == 0:
        wrong = FieldError(
            "end_date", f"must not be before the first bar: {available}", str(request.end_date)
        )
    else:
        text = f"No bars from {request.start_date} to {request.end_date}: {available}"
        wrong = FieldError("end_date", text, str(request.end_date))
    raise InvalidRequest([wrong])


def _dates(times: Times) -> str:
    return f"{str(times[0])[:10]} to {str(times[-1])[:10]}"


def _benchmark(
    request: RunRequest, calendars: Mapping[str, Calendar], timeframe: str, traded: Times
) -> tuple[Indices | None, list[RunWarning]]:
    """The benchmark's last bar at or before each traded one."""
    if request.benchmark is None:
        return None, []
    own = _of(calendars, request.benchmark, "benchmark")
    if own.timeframe != timeframe:
        text = f"must have {timeframe} bars as the symbols do, but {own.symbol} has {own.timeframe} bars"
        raise InvalidRequest([FieldError("benchmark", text, own.symbol)])
    rows = np.searchsorted(own.times, traded, side="right") - 1
    if rows[0] < 0:
        text = (
            f"{own.symbol} has bars from {_dates(own.times)} only, but trading starts on {stamp(traded[0])}"
        )
        raise InvalidRequest([FieldError("benchmark", text, own.symbol)])
    return rows, _of_carried(own.symbol, int(np.count_nonzero(own.times[rows] != traded)))


def _of_carried(symbol: str, missing: int) -> list[RunWarning]:
    if not missing:
        return []
    text = f"The benchmark {symbol} has no price on {counted(missing, 'bar')}; its last close is carried forward."
    return [RunWarning("benchmark_gaps", text)]
