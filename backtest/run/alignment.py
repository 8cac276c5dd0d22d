"""From a request and datasets to one calendar of bars, the range that is traded and what to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backtest.arrays import Floats
from backtest.metrics.benchmark import buy_and_hold
from backtest.prices.bars import Bars, join
from backtest.prices.dataset import Dataset
from backtest.prices.origin import Origin
from backtest.rules.rule import Rule
from backtest.rules.volume import require_volume
from backtest.run.request import RunRequest
from backtest.run.span import Calendar, Span, find_span


@dataclass(frozen=True, slots=True)
class Aligned:
    """What a run computes on.

    Parameters
    ----------
    span : the traded bars, and those of each symbol that they are
    histories : bars of each symbol, all of its own, up to the last traded one: rules and checks read these
    origins : of each symbol, in their order, what was done to its prices before
    bars : the traded bars of all symbols
    benchmark : (T,) value of the initial capital left in the benchmark
    """

    span: Span
    histories: tuple[Bars, ...]
    origins: dict[str, Origin]
    bars: Bars
    benchmark: Floats


def align(request: RunRequest, datasets: Mapping[str, Dataset]) -> Aligned:
    """Find the bars that all symbols of a request have from its start to its end date.

    Raises
    ------
    InvalidRequest
        As `find_span` does.
    """
    span = find_span(request, {symbol: _calendar(dataset) for symbol, dataset in datasets.items()})
    whole = [datasets[symbol].bars for symbol in request.symbols]
    histories = tuple(bars.cut(0, int(row[-1]) + 1) for bars, row in zip(whole, span.rows, strict=True))
    parts = [bars.cut(start, len(bars)) for bars, start in zip(histories, span.starts, strict=True)]
    traded = join(parts)
    origins = {symbol: datasets[symbol].origin for symbol in request.symbols}
    return Aligned(span, histories, origins, traded, _benchmark(request, datasets, traded, span))


def check_volume(rule: Rule, aligned: Aligned) -> None:
    """Raise `UnknownVolume` where a rule that reads volume would read an unknown one, from its warm-up on."""
    if rule.needs_volume:
        for history, start in zip(aligned.histories, aligned.span.starts, strict=True):
            require_volume(history, max(0, start - rule.warmup))


def _calendar(dataset: Dataset) -> Calendar:
    return Calendar(dataset.symbol, dataset.timeframe, dataset.data_hash, dataset.bars.times)


def _benchmark(request: RunRequest, datasets: Mapping[str, Dataset], traded: Bars, span: Span) -> Floats:
    capital = request.config.initial_capital
    if request.benchmark is None or span.benchmark_rows is None:
        return buy_and_hold(traded.close, capital)
    return buy_and_hold(datasets[request.benchmark].bars.close[span.benchmark_rows], capital)
