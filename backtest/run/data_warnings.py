"""Warnings about the prices of a run: rows that were repaired, splits without an adjustment, adjusted prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backtest.plural import counted
from backtest.prices.bars import Bars
from backtest.prices.origin import Origin
from backtest.prices.quality import QualityReport
from backtest.run.warnings import RunWarning
from backtest.simulation.config import EngineConfig

MOST_NAMED = 5


def of_repairs(symbol: str, origin: Origin, bars: Bars, first: int) -> list[RunWarning]:
    """Rows that a rule repaired or left out when the prices were imported, within the bars that are read.

    Parameters
    ----------
    bars : of the symbol up to the last traded one
    first : the first bar that is read, warm-up included
    """
    start, stop = bars.times[first], bars.times[-1]
    rows = [(repair.within(start, stop), repair) for repair in origin.repairs]
    told = [repair.told(count) for count, repair in rows if count]
    if not told:
        return []
    text = f"The run uses prices of {symbol} with rows that were corrected at the import: {'; '.join(told)}."
    return [RunWarning("repaired_prices", text)]


def of_splits(report: QualityReport, first: int, last: int) -> list[RunWarning]:
    """Jumps behind bar `first`, up to bar `last`, that look like a split for which prices are not adjusted."""
    inside = report.splits[(report.splits > first) & (report.splits <= last)]
    if not len(inside):
        return []
    named = [report.suspected_split(int(bar)) for bar in inside[:MOST_NAMED]]
    found = [f"{split['date']} ({split['return']:+.1%}, {split['looks_like']})" for split in named]
    more = f" and {len(inside) - MOST_NAMED:,} more" if len(inside) > MOST_NAMED else ""
    text = (
        f"{counted(len(inside), 'unadjusted split is', 'unadjusted splits are')} suspected in the prices of "
        f"{report.symbol}: {', '.join(found)}{more}. If so, the jump is no gain or loss: apply the split to the dataset "
        f"(on its page, or `split {report.symbol} {named[0]['date']} {named[0]['looks_like']}` on the command line) and "
        "run again."
    )
    return [RunWarning("suspected_split", text)]


def of_adjusted(origins: Mapping[str, Origin], config: EngineConfig) -> list[RunWarning]:
    """Settings that count shares, on prices that are scaled: such shares were never traded."""
    adjusted = [symbol for symbol, origin in origins.items() if origin.scales]
    counting = list(_settings_by_share(config))
    if not adjusted or not counting:
        return []
    text = (
        f"Prices of {', '.join(adjusted)} are adjusted, so that a share of the run is not a share that was traded then: "
        f"{' and '.join(counting)} {'counts' if len(counting) == 1 else 'count'} shares or orders of another size."
    )
    return [RunWarning("adjusted_prices", text)]


def _settings_by_share(config: EngineConfig) -> Iterable[str]:
    if config.size_type == "shares":
        yield "size in shares"
    if config.fee_per_share > 0:
        yield "fee_per_share"
    if config.fee_min > 0:
        yield "fee_min"
