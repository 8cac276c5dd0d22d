"""From a request and datasets to one calendar of bars, the range that is traded and what to compare with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from backtest.arrays import Floats
from backtest.errors import FieldError, InvalidRequest
from backtest.metrics.benchmark import buy_and_hold
from backtest.plural import counted
from backtest.prices.bars import Bars, join
from backtest.prices.calendar import stamp
from backtest.prices.dataset import Dataset
from backtest.run.request import RunRequest
from backtest.run.warnings import RunWarning

LATE_DAYS = 7
"""Days by which prices may begin after start_date, or end before end_date, without a warning."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """What a run computes on.

    Parameters
    ----------
    bars : from the first common bar of the symbols, for indicators to warm up, to the last traded one
    start : first traded bar
    hashes : data hash of each symbol, the benchmark's included
    benchmark : (T - start,) value of the initial capital left in the benchmark
    benchmark_name : the symbols themselves, or the one chosen
    warnings : what is worth knowing about the calendar
    """

    bars: Bars
    start: int
    hashes: dict[str, str]
    data_hash: str
    benchmark: Floats
    benchmark_name: str
    warnings: list[RunWarning] = field(default_factory=list)


def align(request: RunRequest, datasets: Mapping[str, Dataset]) -> Aligned:
    """Put the symbols of a request on their common calendar and cut it at its end date.

    Raises
    ------
    InvalidRequest
        If a dataset is missing or of another timeframe, there is no common bar, or none in the range.
    """
    chosen = [_dataset(datasets, symbol, "symbols") for symbol in request.symbols]
    _check_timeframes(chosen)
    joined = _joined(chosen)
    start, stop = _range(request, joined)
    bars = joined.cut(0, stop)
    warnings = [*_of_dropped_bars(chosen, bars, start), *_of_range(request, bars, start)]
    traded = bars.cut(start, stop)
    benchmark, name, more = _benchmark(request, datasets, traded)
    hashes = {dataset.symbol: dataset.data_hash for dataset in chosen}
    data_hash = combined_hash(list(hashes.values()))
    if request.benchmark:
        hashes[request.benchmark] = datasets[request.benchmark].data_hash
    return Aligned(bars, start, hashes, data_hash, benchmark, name, warnings + more)


def combined_hash(hashes: list[str]) -> str:
    """The one hash of a single dataset; of several the SHA-256 over theirs in order."""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _dataset(datasets: Mapping[str, Dataset], symbol: str, name: str) -> Dataset:
    if symbol not in datasets:
        known = ", ".join(sorted(datasets)[:20]) or "none"
        raise InvalidRequest([FieldError(name, f"No price data for {symbol}. Available: {known}", symbol)])
    return datasets[symbol]


def _check_timeframes(chosen: list[Dataset]) -> None:
    first = chosen[0]
    for other in chosen[1:]:
        if other.timeframe != first.timeframe:
            text = (
                f"must have the same interval, but {first.symbol} has {first.timeframe} bars and "
                f"{other.symbol} has {other.timeframe} bars"
            )
            raise InvalidRequest([FieldError("symbols", text, other.symbol)])


def _joined(chosen: list[Dataset]) -> Bars:
    common = chosen[0].bars.times
    for dataset in chosen[1:]:
        common = np.intersect1d(common, dataset.bars.times, assume_unique=True)
    if len(common) == 0:
        spans = "; ".join(f"{dataset.symbol} {_span(dataset.bars)}" for dataset in chosen)
        raise InvalidRequest([FieldError("symbols", f"must have bars in common: {spans}")])
    return join([dataset.bars for dataset in chosen])


def _range(request: RunRequest, bars: Bars) -> tuple[int, int]:
    start, stop = bars.first_at(request.start_date), bars.after_last(request.end_date)
    if start < stop:
        return start, stop
    available = f"prices of {', '.join(bars.symbols)} are available from {_span(bars)}"
    if start == len(bars):
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


def _span(bars: Bars) -> str:
    return f"{str(bars.times[0])[:10]} to {str(bars.times[-1])[:10]}"


def _benchmark(
    request: RunRequest, datasets: Mapping[str, Dataset], traded: Bars
) -> tuple[Floats, str, list[RunWarning]]:
    capital = request.config.initial_capital
    if request.benchmark is None:
        return buy_and_hold(traded.close, capital), ", ".join(request.symbols), []
    dataset = _dataset(datasets, request.benchmark, "benchmark")
    prices = dataset.bars
    if dataset.timeframe != traded.timeframe:
        text = f"must have {traded.timeframe} bars as the symbols do, but {dataset.symbol} has {dataset.timeframe} bars"
        raise InvalidRequest([FieldError("benchmark", text, dataset.symbol)])
    rows = np.searchsorted(prices.times, traded.times, side="right") - 1
    if rows[0] < 0:
        text = f"{dataset.symbol} has bars from {_span(prices)} only, but trading starts on {stamp(traded.times[0])}"
        raise InvalidRequest([FieldError("benchmark", text, dataset.symbol)])
    missing = int(np.count_nonzero(prices.times[rows] != traded.times))
    return buy_and_hold(prices.close[rows], capital), dataset.symbol, _of_carried(dataset.symbol, missing)


def _of_carried(symbol: str, missing: int) -> list[RunWarning]:
    if not missing:
        return []
    text = f"The benchmark {symbol} has no price on {counted(missing, 'bar')}; its last close is carried forward."
    return [RunWarning("benchmark_gaps", text)]


def _of_dropped_bars(chosen: list[Dataset], bars: Bars, start: int) -> list[RunWarning]:
    """Bars within the traded range that some symbols have and others lack."""
    first, last = bars.times[start], bars.times[-1]
    lost = {}
    for dataset in chosen:
        times = dataset.bars.times
        own = int(np.searchsorted(times, last, side="right") - np.searchsorted(times, first))
        lost[dataset.symbol] = own - (len(bars) - start)
    if not any(lost.values()):
        return []
    named = ", ".join(f"{counted(count, 'bar')} of {symbol}" for symbol, count in lost.items() if count)
    text = f"Only bars common to all symbols are used. Left out within the range: {named}."
    return [RunWarning("bars_dropped", text)]


def _of_range(request: RunRequest, bars: Bars, start: int) -> list[RunWarning]:
    """Prices that begin well after the start date, or end well before the end date."""
    warnings = []
    first, last = bars.times[start].astype("datetime64[D]"), bars.times[-1].astype("datetime64[D]")
    if (first - np.datetime64(request.start_date)).astype(int) > LATE_DAYS:
        text = f"Trading starts on {first}, the first available bar, not on {request.start_date}."
        warnings.append(RunWarning("late_start", text))
    if (np.datetime64(request.end_date) - last).astype(int) > LATE_DAYS:
        text = f"Prices end on {last}, before the end date {request.end_date}."
        warnings.append(RunWarning("early_end", text))
    return warnings
