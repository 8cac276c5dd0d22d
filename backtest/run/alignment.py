"""From a request and datasets to one calendar of bars, the range that is traded and what to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backtest.arrays import Floats
from backtest.metrics.benchmark import buy_and_hold
from backtest.prices.bars import Bars, join
from backtest.prices.dataset import Dataset
from backtest.run.request import RunRequest
from backtest.run.span import Calendar, Span, find_span
from backtest.run.warnings import RunWarning


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
        As `find_span` does.
    """
    span = find_span(request, {symbol: _calendar(dataset) for symbol, dataset in datasets.items()})
    joined = join([datasets[symbol].bars for symbol in request.symbols])
    bars = joined.cut(0, len(span.times))
    benchmark = _benchmark(request, datasets, bars, span)
    name = request.benchmark or ", ".join(request.symbols)
    return Aligned(bars, span.start, span.hashes, span.data_hash, benchmark, name, span.warnings)


def _calendar(dataset: Dataset) -> Calendar:
    return Calendar(dataset.symbol, dataset.timeframe, dataset.data_hash, dataset.bars.times)


def _benchmark(request: RunRequest, datasets: Mapping[str, Dataset], bars: Bars, span: Span) -> Floats:
    capital = request.config.initial_capital
    if request.benchmark is None or span.benchmark_rows is None:
        return buy_and_hold(bars.cut(span.start, len(bars)).close, capital)
    return buy_and_hold(datasets[request.benchmark].bars.close[span.benchmark_rows], capital)
