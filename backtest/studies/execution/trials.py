"""Trials of one account, simulated by the compiled engine; their figures are those of the ordinary run."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest import jit
from backtest.arrays import Flags, Floats, Ints, Sides
from backtest.errors import InvalidTarget
from backtest.fields import Value
from backtest.metrics.account import NO_VARIATION, dot
from backtest.prices.bars import PRICES
from backtest.rules.rule import PREFIX
from backtest.signals import compiled
from backtest.simulation import backends
from backtest.simulation.simulate import settings_of
from backtest.studies.chunk import BLOCKS, ROWS
from backtest.studies.execution.targets import Targets
from backtest.studies.plan import Plan
from backtest.studies.segments import AccountRange, Segment
from backtest.studies.statistics.reality import Maxima

Columns = dict[str, NDArray[Any]]

_CACHE: Final = 1_300_000
"""Bytes of returns that are computed together and stay in the processor's cache."""
_MOST: Final = 64


@cache
def kernel() -> ModuleType:
    """`backtest.studies.execution.trial_kernel` compiled, calling the compiled engine."""
    engine, folder = backends.compiled_engine(), Path(__file__).parent
    shared = {name: getattr(engine, name) for name in ("affordable", "fee", "whole", "wished_shares")}
    single = jit.load(folder / "single_kernel.py", imports=shared, outlined={"walk_single"})
    imports = {"run": engine.run, "walk_single": single.walk_single, "eights": compiled.kernel().eights}
    return jit.load(folder / "trial_kernel.py", imports=imports, outlined={"simulate_rows"})


class Trials:
    """Executes trials of one account of a plan; what they share is laid out once.

    `periods` is n of the whole range, `root` √P, `risk_free` rf_p; `maxima` collects what was executed.
    """

    def __init__(self, planned: Plan, own: AccountRange) -> None:
        self.planned, self._own = planned, own
        self._targets = Targets(planned.request, own)
        bars = own.selection.bars
        self._prices = [np.ascontiguousarray(getattr(bars, name)).reshape(-1) for name in PRICES]
        self.at_once = min(_MOST, max(4, _CACHE // (8 * len(self._prices[0]))))
        self._rows = self._targets.room(self.at_once)
        year = {"periods_per_year": own.selection.span.year.bars}
        self._config = planned.request.run.config.with_parsed(year)
        axes = planned.request.axes
        self._parameters = [axis for axis in axes if axis.name.startswith(PREFIX)]
        self._inputs = [axis for axis in axes if not axis.name.startswith(PREFIX)]
        self._segments = [_SegmentFigures(own, segment, self._prices) for segment in own.segments]

        whole = self._segments[0]
        self.periods, self.root, self.risk_free = whole.periods, whole.root, whole.risk_free
        self.maxima = Maxima(self._segments[0].benchmark(), seed=planned.request.seed)

    def execute(self, trials: Ints) -> Columns:
        """The columns of these trials, a row for each."""
        parts = [
            self._together(trials[first : first + self.at_once])
            for first in range(0, len(trials), self.at_once)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in ROWS}

    def target(self, trial: int) -> Floats:
        """(T, M) the target of a trial on the traded bars."""
        bars, width = self._own.selection.bars.close.shape
        rows = self._targets.room(1)
        self._targets.write(self.planned.distinct(np.array([trial]), self._parameters)[0], rows)
        return np.asarray(rows[0], np.float64).reshape(bars, width)

    def returns(self, trials: Ints) -> Floats:
        """(N, n) the returns of these trials over the whole range; NaN where they are undefined."""
        rows = [
            self._segments[0].simulate(*self._prepared(trials[first : first + self.at_once]))
            for first in range(0, len(trials), self.at_once)
        ]
        return np.concatenate([np.where(facts[:, 4:] > 0.0, found, np.nan) for found, facts in rows])

    def _together(self, trials: Ints) -> Columns:
        prepared = self._prepared(trials)
        first, *rest = self._segments
        returns, facts = first.simulate(*prepared)
        self.maxima.add(returns, self._eligible(facts))
        whole = first.figures(returns, facts)
        others = [segment.figures(*segment.simulate(*prepared)) for segment in rest]
        columns = {
            name: np.concatenate([whole[name], *[other[name] for other in others]], axis=1)
            for name in whole
            if name not in ("sums", "squares")
        }
        return columns | {"sums": whole["sums"], "squares": whole["squares"]}

    def _eligible(self, facts: Floats) -> Flags:
        _, _, trades, ruined, defined = facts.T
        eligible: Flags = (trades >= self.planned.request.minimum_trades) & (ruined == 0.0) & (defined > 0.0)
        return eligible

    def _prepared(self, trials: Ints) -> tuple[Sides, Ints, Floats]:
        """Different targets, the target of each trial among them, and the settings of each."""
        combinations, which = self.planned.distinct(trials, self._parameters)
        self._targets.write(combinations, self._rows)
        combinations, rows = self.planned.distinct(trials, self._inputs)
        return self._rows, which, np.array([self._settings(chosen) for chosen in combinations])[rows]

    def _settings(self, values: tuple[Value, ...]) -> list[float]:
        chosen = dict(zip((axis.name for axis in self._inputs), values, strict=True))
        return settings_of(self._config.with_parsed(chosen), len(self._own.selection.bars.symbols))


class _SegmentFigures:
    """The figures of simulations over the bars of one segment."""

    def __init__(self, own: AccountRange, segment: Segment, prices: list[Floats]) -> None:
        self._own, self._segment, self._prices = own, segment, prices
        year, times = own.selection.span.year, own.selection.bars.times[segment.start : segment.stop]
        self._closing = np.empty(0, np.intp) if year.sessions is None else year.sessions.closes(times)
        self.periods = (len(times) if year.sessions is None else len(self._closing)) - 1
        rate = own.run.risk_free_rate
        self.risk_free = math.expm1(math.log1p(rate) / year.periods)
        self.root = math.sqrt(year.periods)
        self._equity = np.empty(len(times))

    def simulate(self, targets: Sides, which: Ints, settings: Floats) -> tuple[Floats, Floats]:
        """(K, n) returns and (K, facts) of the kernel."""
        returns = np.empty((len(which), self.periods))
        facts = np.empty((len(which), kernel().FACTS))
        width = len(self._own.selection.bars.symbols)
        wrong = kernel().simulate_rows(
            self._segment.start, self._segment.stop, width, *self._prices, targets, which, settings,
            float(self._own.run.config.initial_capital), self._closing, self._equity, returns, facts,
        )  # fmt: skip
        if wrong >= 0:
            raise InvalidTarget(
                f"target must be between -1 and 1, or NaN, got {targets.reshape(-1)[wrong]:g}"
            )
        return returns, facts

    def benchmark(self) -> Floats:
        """(n,) returns of the benchmark over the same periods."""
        values = self._own.selection.benchmark[self._segment.start : self._segment.stop]
        closes = values if self._own.selection.span.year.sessions is None else values[self._closing]
        changes: Floats = closes[1:] / closes[:-1] - 1.0
        return changes

    def figures(self, returns: Floats, facts: Floats) -> Columns:
        """The columns of simulations, each (K, 1); sums and squares (K, 16). The returns are used up."""
        final, drawdown, trades, ruined, defined = facts.T
        sums, squares = np.empty((len(facts), BLOCKS)), np.empty((len(facts), BLOCKS))
        kernel().block_sums(returns, BLOCKS, sums, squares)
        spread, ratio = self._spread(returns)
        unknown = defined == 0.0
        for figure in (spread, ratio, sums, squares):
            figure[unknown] = np.nan
        capital = float(self._own.run.config.initial_capital)
        columns = {
            "final_equity": final, "total_return": final / capital - 1.0, "volatility": spread * self.root,
            "sharpe_ratio": ratio * self.root, "max_drawdown": drawdown,
        }  # fmt: skip
        table = np.column_stack(list(columns.values()))
        table[~np.isfinite(table)] = np.nan  # as the metrics of a run have no infinity
        return {
            **{name: table[:, place : place + 1] for place, name in enumerate(columns)},
            "num_trades": trades.astype(ROWS["num_trades"])[:, None],
            "ruined": ruined[:, None] > 0.0,
            "sums": sums,
            "squares": squares,
        }

    def _spread(self, returns: Floats) -> tuple[Floats, Floats]:
        """s(r) and mean(x) / s(x), in the order in which `Account` adds; the returns are used up."""
        count = self.periods
        with np.errstate(all="ignore"):
            if self.risk_free:
                returns -= self.risk_free
            mean = np.add.reduce(returns, axis=1) / count if count else np.full(len(returns), np.nan)
            squares = _squares(returns, mean)
            spread = np.sqrt(squares / (count - 1)) if count > 1 else np.full(len(returns), np.nan)
            return spread, np.where(spread > NO_VARIATION, mean / spread, np.nan)


def _squares(returns: Floats, means: Floats) -> Floats:
    """Σ (r - mean)² of each row as `account.dot` adds; the returns are used up where it is not compiled."""
    if returns.shape[1] <= np.getbufsize() and _adds_as_numpy():
        sums = np.empty(len(returns))
        kernel().squared_deviations(returns, means, sums)
        return sums
    returns -= means[:, None]
    return np.array([dot(row, row) for row in returns])


@cache
def _adds_as_numpy() -> bool:
    """Whether the compiled sum is that of `account.dot` to the last bit on this processor: NumPy's is its own on others."""
    rows = np.random.default_rng(0).normal(size=(64, 101))
    sums = np.empty(len(rows))
    kernel().squared_deviations(rows, np.zeros(len(rows)), sums)
    return bool(np.array_equal(sums, [dot(row, row) for row in rows]))
