"""The account of one run as the metrics see it: equity at each close, returns, benchmark, closed trades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Indices, Times
from backtest.prices.calendar import Sessions, is_intraday, periods_per_year, stamp
from backtest.simulation import curves

NO_VARIATION: Final = 1e-14
"""Deviation of returns below which they do not vary: a ratio of two floats is only good to 2e-16."""


class Undefined(Exception):
    """The metric is undefined for this account; the message says why."""


class ClosedTrades(Protocol):
    """The columns of closed trades that metrics read, one row for each closing of a position."""

    @property
    def side(self) -> NDArray[Any]:
        """1 long, -1 short."""

    @property
    def size(self) -> NDArray[Any]:
        """Shares."""

    @property
    def entry_fill(self) -> NDArray[Any]:
        """Price paid or received at the entry, slippage included."""

    @property
    def exit_fill(self) -> NDArray[Any]:
        """Price paid or received at the exit, slippage included."""

    @property
    def entry_fee(self) -> NDArray[Any]:
        """Fee of the entry in currency."""

    @property
    def exit_fee(self) -> NDArray[Any]:
        """Fee of the exit in currency."""

    @property
    def slippage(self) -> NDArray[Any]:
        """Slippage of both sides in currency."""

    @property
    def borrow(self) -> NDArray[Any]:
        """Borrow cost in currency."""

    @property
    def pnl(self) -> NDArray[Any]:
        """Profit or loss in currency, net of all costs."""

    @property
    def pnl_pct(self) -> NDArray[Any]:
        """Profit or loss in percent of the entry cost."""

    @property
    def bars_held(self) -> NDArray[Any]:
        """Bars between entry and exit."""

    @property
    def mae_pct(self) -> NDArray[Any]:
        """Worst open result in percent."""

    @property
    def mfe_pct(self) -> NDArray[Any]:
        """Best open result in percent."""

    @property
    def exit_reason(self) -> NDArray[Any]:
        """Code of the exit reason."""


@dataclass(frozen=True, slots=True)
class Drawdowns:
    """Every drawdown of an account, in order of time.

    Parameters
    ----------
    peak : (K,) bars before the falls
    recovery : (K,) first bars whose close is not below the peak; the last bar, if the last is `open`
    depth : (K,) lowest E / peak - 1 of each, negative
    open : whether the last one has not been recovered
    """

    peak: Indices
    recovery: Indices
    depth: Floats
    open: bool


@dataclass(frozen=True)
class Account:
    """One run's account, with the series that several metrics share computed once.

    Bars of a day or longer are taken as they are. Bars within the day are resampled: what is
    annualised or counted a period uses the first bar and the last close of each session.

    Parameters
    ----------
    times : (T,) datetime64[s], strictly increasing
    equity : (T,) currency
        At each close; `equity[0]` is the initial capital, > 0. May reach zero or less.
    trades : closed trades
    held : (T,) bool, whether a position was held in the bar; None is never
    benchmark : (T,) currency, > 0, value of the benchmark at each close; None is no benchmark
    risk_free_rate : fraction a year
    timeframe : length of a bar
    year : periods a year where they are known; None finds them from the times
    sessions : which bars within the day make a session; None finds it from the times
    """

    times: Times
    equity: Floats
    trades: ClosedTrades
    held: Flags | None = None
    benchmark: Floats | None = None
    risk_free_rate: float = 0.0
    timeframe: str = "1d"
    year: int | None = None
    sessions: Sessions | None = None

    @cached_property
    def rows(self) -> Indices | None:
        """The bars that close a period, the first included; None where every bar does."""
        if not is_intraday(self.timeframe):
            return None
        return (self.sessions or Sessions.of(self.times)).closes(self.times)

    @cached_property
    def period_times(self) -> Times:
        """(n + 1,) times of the closes that end a period."""
        return self.times if self.rows is None else self.times[self.rows]

    @cached_property
    def period_equity(self) -> Floats:
        """(n + 1,) equity at the closes that end a period: E_0 … E_n."""
        return self.equity if self.rows is None else self.equity[self.rows]

    @property
    def periods(self) -> int:
        """n, the number of returns."""
        return len(self.period_times) - 1

    @cached_property
    def periods_per_year(self) -> int:
        """P: 252, or 365 where weekends are traded; 52, 12, 4 or 1 for longer bars."""
        return self.year or periods_per_year(self.period_times, self.timeframe)

    @cached_property
    def days(self) -> float:
        """Calendar days from the first to the last close."""
        return float((self.times[-1] - self.times[0]).astype(np.int64)) / 86_400

    @cached_property
    def growth(self) -> float:
        """E_n / E_0."""
        return float(self.equity[-1]) / float(self.equity[0])

    @cached_property
    def risk_free_period(self) -> float:
        """rf_p = (1 + rf)^(1 / P) - 1."""
        return math.expm1(math.log1p(self.risk_free_rate) / self.periods_per_year)

    @cached_property
    def returns(self) -> Floats:
        """(n,) r_t = E_t / E_(t-1) - 1.

        Raises
        ------
        Undefined
            If there is no return, or equity before the last close is zero or less.
        """
        equity = self.period_equity
        if self.periods < 1:
            raise Undefined("undefined: only one close")
        if not equity[:-1].min() > 0:
            day = stamp(self.period_times[int(np.argmax(equity <= 0))])
            raise Undefined(f"undefined: equity ≤ 0 on {day}")
        return _changes(equity)

    @cached_property
    def excess(self) -> Floats:
        """(n,) x_t = r_t - rf_p."""
        rate = self.risk_free_period
        return self.returns - rate if rate else self.returns

    @cached_property
    def mean_excess(self) -> float:
        """mean(x)."""
        return total(self.excess) / self.periods

    @cached_property
    def centred(self) -> Floats:
        """(n,) x_t - mean(x), which is r_t - mean(r) as well."""
        return self.excess - self.mean_excess

    @cached_property
    def deviation(self) -> float:
        """s(r) = s(x), ddof 1, above zero; `Undefined` with fewer than two returns or no variation."""
        spread = self.spread
        if not spread > NO_VARIATION:
            raise Undefined("undefined: zero variance")
        return spread

    @cached_property
    def spread(self) -> float:
        """s(r), ddof 1, possibly zero; `Undefined` with fewer than two returns."""
        if self.periods < 2:
            raise Undefined("undefined: fewer than 2 returns")
        return math.sqrt(dot(self.centred, self.centred) / (self.periods - 1))

    @cached_property
    def moments(self) -> tuple[float, float]:
        """γ3 and raw γ4 of the returns, corrected for small samples (Joanes and Gill's G1, G2 + 3).

        Raises
        ------
        Undefined
            With fewer than four returns or no variation.
        """
        count, deviation = self.periods, self.deviation
        if count < 4:
            raise Undefined("undefined: fewer than 4 returns")
        square = self.centred * self.centred
        second = deviation**2 * (count - 1) / count
        skew = dot(square, self.centred) / count / second**1.5
        excess = dot(square, square) / count / second**2 - 3.0
        skew *= math.sqrt(count * (count - 1)) / (count - 2)
        excess = (count - 1) / ((count - 2) * (count - 3)) * ((count + 1) * excess + 6.0)
        return skew, excess + 3.0

    @cached_property
    def worst_returns(self) -> tuple[Floats, float]:
        """The lowest 5 % of the returns in any order, and their upper end by linear interpolation."""
        place = 0.05 * (len(self.returns) - 1)
        low = int(place)
        ordered = np.partition(self.returns, low)
        above = ordered[low + 1 :].min(initial=np.inf) if place > low else ordered[low]
        return ordered[: low + 1], float(ordered[low] + (above - ordered[low]) * (place - low))

    @cached_property
    def drawdown(self) -> Floats:
        """(T,) E_t / peak_t - 1 at every bar: 0 at a peak, -0.2 a fifth below it."""
        return curves.below_peak(self.equity)

    @cached_property
    def drawdowns(self) -> Drawdowns:
        """The drawdowns, from each peak to the first close that is not below it."""
        under = self.drawdown < 0
        edges = np.flatnonzero(under[1:] != under[:-1])  # the first bar is a peak itself, never under
        peak, recovery = edges[0::2], edges[1::2] + 1
        still_open = len(recovery) < len(peak)
        if still_open:
            recovery = np.append(recovery, len(under) - 1)
        depth = np.minimum.reduceat(self.drawdown, peak) if len(peak) else np.empty(0)
        return Drawdowns(peak, recovery, depth, still_open)

    @cached_property
    def benchmark_moves(self) -> tuple[Floats, float]:
        """(n,) b_t - mean(b) of the benchmark's returns over the same periods, and mean(b).

        Raises
        ------
        Undefined
            Without a benchmark, or with fewer than two returns.
        """
        if self.benchmark is None:
            raise Undefined("undefined: no benchmark")
        if self.periods < 2:
            raise Undefined("undefined: fewer than 2 returns")
        moves = _changes(self.benchmark if self.rows is None else self.benchmark[self.rows])
        mean = total(moves) / self.periods
        moves -= mean
        return moves, mean

    @cached_property
    def benchmark_variance(self) -> float:
        """var(b), ddof 1, possibly zero."""
        moves, _ = self.benchmark_moves
        return dot(moves, moves) / (self.periods - 1)


def total(values: Floats) -> float:
    """Σ values; what numpy's mean adds, without what it asks before."""
    return float(np.add.reduce(values))


def dot(left: Floats, right: Floats) -> float:
    """Σ left · right, added in one order on any machine; BLAS splits long sums over its threads."""
    return float(np.einsum("i,i->", left, right))


def _changes(values: Floats) -> Floats:
    changes = values[1:] / values[:-1]
    changes -= 1.0
    return changes
