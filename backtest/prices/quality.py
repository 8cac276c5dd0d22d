"""The data-quality report: what in the prices looks wrong, and which trades touch it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Indices, Times
from backtest.prices.bars import Bars
from backtest.prices.calendar import is_intraday, length_in, stamp, trades_weekends
from backtest.prices.dataset import Dataset

LISTED: Final = 20
TRADES_LISTED: Final = 50

MISSING_DAYS: Final = 2
"""Weekdays that may be missing between two bars: Good Friday and Easter Monday are two in a row."""
LONGEST_STEP: Final = {"1mo": 62, "3mo": 184, "1y": 732}
"""Days that may lie between two bars of longer timeframes: two of them and a little."""

OUTLIER_SCORE: Final = 15.0
SPIKE_SCORE: Final = 8.0
LOCAL_SCORE: Final = 8.0
LOCAL_BARS: Final = 10
REVERTED: Final = (0.75, 1.35)
"""Share of a spike that the next bar takes back: the price stands where it stood."""
SMALLEST_MOVE: Final = 0.02
"""Logarithmic return below which nothing is an outlier, however quiet the prices are otherwise."""
SAMPLED: Final = 50_000
CHUNK: Final = 10_000

SPLITS: Final = np.array([1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100])
SPLIT_TOLERANCE: Final = 0.03
QUIET_DAY: Final = 0.08
VOLUME_BARS: Final = 5
VOLUME_FACTOR: Final = 2.5

STALE_BARS: Final = 5


class TradeBars(Protocol):
    """The columns of trades that are read here."""

    @property
    def symbol(self) -> NDArray[Any]:
        """Column of the symbol."""

    @property
    def entry_bar(self) -> NDArray[Any]:
        """Bar of the entry."""

    @property
    def exit_bar(self) -> NDArray[Any]:
        """Bar of the exit."""


@dataclass(frozen=True)
class QualityReport:
    """What was found in the bars of one symbol; every array holds bars, ascending.

    Parameters
    ----------
    gaps : first bars after a gap
    outliers : returns far beyond the usual, for the whole series and for the bars around
    spikes : moves far beyond the usual that the next bar takes back: a wrong print
    splits : opens at a split's ratio of the close before, as of prices not adjusted for a split
    split_ratios : old shares for a new one at each of `splits`: 0.5 is two for one
    zero_volume : nothing traded, in a symbol that has volume at all
    unknown_volume : bars of which the volume is not known
    stale : bars at whose end the same single price has stood for five bars or more
    """

    symbol: str
    times: Times
    close: Floats
    gaps: Indices
    outliers: Indices
    spikes: Indices
    splits: Indices
    split_ratios: Floats
    zero_volume: Indices
    unknown_volume: Indices
    stale: Indices

    @cached_property
    def doubtful(self) -> dict[str, Indices]:
        """The bars that distort a position held over them, by kind."""
        return {"outlier": self.outliers, "spike": self.spikes, "split": self.splits}

    @cached_property
    def untraded(self) -> dict[str, Indices]:
        """The bars at which a fill is doubtful, by kind."""
        return {"zero_volume": self.zero_volume, "stale": self.stale}

    @property
    def suspect_bars(self) -> int:
        """Number of bars with at least one finding, gaps aside."""
        findings = [*self.doubtful.values(), *self.untraded.values()]
        return len(set(np.concatenate(findings).tolist()))

    def as_json(self) -> dict[str, Any]:
        """Counts and the first (gaps and outliers: the worst) findings of each kind, ready for JSON."""
        return {
            "symbol": self.symbol,
            "bars": len(self.times),
            "first_bar": stamp(self.times[0]),
            "last_bar": stamp(self.times[-1]),
            "duplicates": 0,  # always: times strictly increase, `Bars` sees to that; the key is part of the API
            "gaps": self._listed(_worst(self.gaps, self._step_days(self.gaps)), self.gaps, self._gap),
            "outliers": self._listed(self._largest(self.outliers), self.outliers, self._move),
            "spikes": self._listed(self._largest(self.spikes), self.spikes, self._move),
            "suspected_splits": self._listed(self.splits[:LISTED], self.splits, self.suspected_split),
            "zero_volume": self._listed(self.zero_volume[:LISTED], self.zero_volume, self._at),
            "unknown_volume": self._listed(self.unknown_volume[:LISTED], self.unknown_volume, self._at),
            "stale": self._listed(self.stale[:LISTED], self.stale, self._at),
            "suspect_bars": self.suspect_bars,
        }

    def suspected_split(self, bar: int) -> dict[str, Any]:
        """One of `splits`: date, return, ratio, and the split that it looks like."""
        ratio = float(self.split_ratios[np.searchsorted(self.splits, bar)])
        return {**self._move(bar), "ratio": ratio, "looks_like": _split_name(ratio)}

    def _listed(self, shown: Indices, found: Indices, describe: Any) -> dict[str, Any]:
        return {"count": len(found), "listed": [describe(int(bar)) for bar in shown]}

    def _largest(self, bars: Indices) -> Indices:
        return _worst(bars, np.abs(np.log(self.close[bars] / self.close[bars - 1])))

    def _step_days(self, bars: Indices) -> Floats:
        return (self.times[bars] - self.times[bars - 1]).astype(np.int64) / 86_400

    def _at(self, bar: int) -> dict[str, Any]:
        return {"date": stamp(self.times[bar])}

    def _gap(self, bar: int) -> dict[str, Any]:
        days = float(self._step_days(np.array([bar]))[0])
        return {"after": stamp(self.times[bar - 1]), "before": stamp(self.times[bar]), "days": days}

    def _move(self, bar: int) -> dict[str, Any]:
        return {**self._at(bar), "return": float(self.close[bar] / self.close[bar - 1]) - 1.0}


def report_of(dataset: Dataset) -> dict[str, Any]:
    """The data-quality report of a dataset, ready for JSON: its findings, and what was done to its rows."""
    return inspect_bars(dataset.bars)[0].as_json() | dataset.origin.as_json()


def inspect_bars(bars: Bars) -> list[QualityReport]:
    """Inspect each symbol of the bars; cheap, a handful of passes over the closes."""
    gaps = find_gaps(bars.times, bars.timeframe)
    return [_inspect_column(bars, column, gaps) for column in range(len(bars.symbols))]


def find_gaps(times: Times, timeframe: str) -> Indices:
    """Bars before which bars are missing.

    For bars of a day and shorter: more than two weekdays (two days where weekends are traded) without
    a bar between two bars. So long weekends and Easter are no gaps; a week's holiday or a closed
    exchange is listed. For longer bars: more than two of them missing in a row, by days.
    """
    seconds = np.diff(times.view(np.int64))
    if longest := _longest_step(timeframe):
        return np.flatnonzero(seconds > longest * 86_400) + 1
    after = np.flatnonzero(seconds > (MISSING_DAYS + 1) * 86_400) + 1
    begin = times[after - 1].astype("datetime64[D]") + 1
    end = times[after].astype("datetime64[D]")
    missing = (end - begin).astype(np.int64) if trades_weekends(times) else np.busday_count(begin, end)
    return after[missing > MISSING_DAYS]


def _longest_step(timeframe: str) -> int:
    """Days that may lie between two bars that are longer than a day; 0 for shorter ones."""
    if weeks := length_in(timeframe, "w"):
        return 14 * weeks + 1
    days = length_in(timeframe, "d")
    return 3 * days + 1 if days > 1 else LONGEST_STEP.get(timeframe, 0)  # two of trading days, and a weekend


def trades_touching(
    reports: Sequence[QualityReport], trades: TradeBars, *, rows: Sequence[Indices]
) -> dict[str, Any]:
    """The trades that hold over a doubtful bar, or are entered or left where nothing traded.

    Parameters
    ----------
    rows : for each report the bar of its own that each traded bar is

    Returns
    -------
    `count`, and `listed`: row of the trade, symbol and kinds of findings, the first 50
    """
    kinds: dict[int, list[str]] = {}
    for column, report in enumerate(reports):
        own = np.flatnonzero(trades.symbol == column)
        entry, leave = rows[column][trades.entry_bar[own]], rows[column][trades.exit_bar[own]]
        for kind, found in report.doubtful.items():
            _note(kinds, kind, own[_any_within(found, entry, leave)])
        for kind, found in report.untraded.items():
            _note(kinds, kind, own[np.isin(entry, found) | np.isin(leave, found)])
    listed = sorted(kinds)[:TRADES_LISTED]
    names = [reports[int(trades.symbol[row])].symbol for row in listed]
    return {
        "count": len(kinds),
        "listed": [
            {"trade": row, "symbol": name, "kinds": kinds[row]}
            for row, name in zip(listed, names, strict=True)
        ],
    }


def _note(kinds: dict[int, list[str]], kind: str, rows: Indices) -> None:
    for row in rows.tolist():
        kinds.setdefault(row, []).append(kind)


def _any_within(found: Indices, first: NDArray[Any], last: NDArray[Any]) -> Flags:
    within: Flags = np.searchsorted(found, last, side="right") > np.searchsorted(found, first)
    return within


def _inspect_column(bars: Bars, column: int, gaps: Indices) -> QualityReport:
    opened, close = bars.open[:, column], bars.close[:, column]
    moves = np.log(close[1:] / close[:-1])
    scale = _usual_move(moves)
    outliers = _extreme(moves, max(OUTLIER_SCORE * scale, SMALLEST_MOVE))
    spikes = _reverting(moves, _extreme(moves, max(SPIKE_SCORE * scale, SMALLEST_MOVE)))
    splits, ratios = _find_splits(opened, close, bars.volume[:, column], bars.timeframe)
    return QualityReport(
        symbol=bars.symbols[column],
        times=bars.times,
        close=close,
        gaps=gaps,
        outliers=outliers + 1,
        spikes=spikes + 1,
        splits=splits,
        split_ratios=ratios,
        zero_volume=_find_zero_volume(bars.volume[:, column]),
        unknown_volume=np.flatnonzero(np.isnan(bars.volume[:, column])),
        stale=_find_stale(bars.high[:, column], bars.low[:, column], close),
    )


def _usual_move(moves: Floats) -> float:
    """Robust standard deviation of the returns: 1.4826 · median |r|, or 1.2533 · mean |r| where that is 0."""
    if len(moves) == 0:
        return 0.0
    sample = np.abs(moves[:: max(1, len(moves) // SAMPLED)])
    middle = float(np.partition(sample, len(sample) // 2)[len(sample) // 2])
    return 1.4826 * middle if middle > 0 else 1.2533 * float(sample.mean())


def _extreme(moves: Floats, least: float) -> Indices:
    """Moves beyond `least` and beyond eight usual ones of the ten bars before and after the two at hand."""
    large = np.flatnonzero(np.abs(moves) > least)
    local = [_usual_around(moves, large[first : first + CHUNK]) for first in range(0, len(large), CHUNK)]
    usual = np.concatenate([np.empty(0), *local])
    return large[np.abs(moves[large]) > LOCAL_SCORE * usual]


def _usual_around(moves: Floats, places: Indices) -> Floats:
    """1.4826 · median |r| of the bars around each place, itself and the next left out."""
    away = np.arange(1, LOCAL_BARS + 1)
    around = places[:, None] + np.concatenate((-away, away + 1))
    inside = (around >= 0) & (around < len(moves))
    sizes = np.where(inside, np.abs(moves[np.clip(around, 0, len(moves) - 1)]), np.nan)
    sizes[~inside.any(axis=1)] = 0.0
    return 1.4826 * _medians(sizes)


def _medians(rows: Floats) -> Floats:
    """The median of the known values of each row; NumPy's own loads its masked arrays first, 15 ms."""
    ordered = np.sort(rows, axis=1)  # NaN last
    known = np.isfinite(rows).sum(axis=1)
    each = np.arange(len(rows))
    middle: Floats = (ordered[each, (known - 1) // 2] + ordered[each, known // 2]) / 2.0
    return middle


def _reverting(moves: Floats, large: Indices) -> Indices:
    """Those of the large moves that the next bar takes back."""
    large = large[large < len(moves) - 1]
    share = -moves[large + 1] / moves[large]
    return large[(share >= REVERTED[0]) & (share <= REVERTED[1])]


def _find_splits(opened: Floats, close: Floats, volume: Floats, timeframe: str) -> tuple[Indices, Floats]:
    """Bars whose open stands to the close before as after a split, on a quiet day, with volume to match."""
    jump = np.log(opened[1:] / close[:-1])
    bar = np.flatnonzero(np.abs(jump) > np.log(SPLITS[0]) - SPLIT_TOLERANCE) + 1
    if len(bar) == 0:
        return bar, np.empty(0)
    sizes = np.log(SPLITS)
    jump = jump[bar - 1]
    nearest = np.abs(np.abs(jump)[:, None] - sizes).argmin(axis=1)
    fits = np.abs(np.abs(jump) - sizes[nearest]) <= SPLIT_TOLERANCE
    fits &= is_intraday(timeframe) | (np.abs(np.log(close[bar] / opened[bar])) <= QUIET_DAY)
    factor = np.where(jump < 0, SPLITS[nearest], 1.0 / SPLITS[nearest])  # shares after for one before
    fits &= _volume_fits(volume, bar, factor)
    return bar[fits], (1.0 / factor)[fits]


def _volume_fits(volume: Floats, bar: Indices, factor: Floats) -> Flags:
    """Whether the median volume of five bars grew by the factor, give or take 2.5 times; or is not known."""
    around = np.arange(VOLUME_BARS)
    last = len(volume) - 1
    before = _medians(volume[np.maximum(bar[:, None] - 1 - around, 0)])
    after = _medians(volume[np.minimum(bar[:, None] + around, last)])
    known = (before > 0) & (after > 0)
    change = np.where(known, after, 1.0) / np.where(known, before, 1.0) / factor
    fits: Flags = ~known | ((change >= 1.0 / VOLUME_FACTOR) & (change <= VOLUME_FACTOR))
    return fits


def _find_zero_volume(volume: Floats) -> Indices:
    empty = np.flatnonzero(volume == 0)
    return empty if len(empty) < len(volume) else np.empty(0, np.intp)  # an index has no volume at all


def _find_stale(high: Floats, low: Floats, close: Floats) -> Indices:
    """Bars of a single price that is that of the four bars before as well."""
    flat = np.flatnonzero((high[1:] == low[1:]) & (close[1:] == close[:-1])) + 1
    if len(flat) < STALE_BARS - 1:
        return np.empty(0, np.intp)
    reach = STALE_BARS - 2
    stale: Indices = flat[reach:][flat[reach:] - flat[:-reach] == reach]
    return stale


def _worst(bars: Indices, size: Floats) -> Indices:
    return bars[np.argsort(-size, kind="stable")[:LISTED]]


def _split_name(ratio: float) -> str:
    """New shares for old ones: 0.5 is 2:1, and 1.5 is 2:3."""
    many = max(ratio, 1.0 / ratio)
    whole = 1 if abs(many - round(many)) < 1e-9 else 2  # the halves among the ratios: 3:2 and 5:2
    more, less = f"{many * whole:.0f}", f"{whole}"
    return f"{more}:{less}" if ratio < 1 else f"{less}:{more}"
