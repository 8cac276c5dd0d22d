"""A walk-forward: settings chosen on the training bars of each window, traded on its test bars, as one account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Floats
from backtest.metrics import Account, compute_metrics
from backtest.metrics.benchmark import buy_and_hold
from backtest.prices.calendar import stamp
from backtest.run.outcome import account_of
from backtest.run.result_tables import trade_columns
from backtest.simulation.simulate import Simulation, simulate
from backtest.studies.execution.trials import Trials
from backtest.studies.objective import FIGURES, OBJECTIVES, best_of
from backtest.studies.segments import AccountRange, Window
from backtest.studies.table import TrialTable, defined, span_of

SHOWN: Final = 300
"""Bars of the curves that are kept with the summary."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What one window chose on its training bars; trial None where none may be chosen: then it stays flat."""

    window: Window
    trial: int | None
    score: float | None
    annual_return: float | None


@dataclass(frozen=True, slots=True, eq=False)
class WalkForwardResult:
    """The stitched account.

    Parameters
    ----------
    summary : windows, metrics, efficiency and drift, ready for JSON
    times : (T,) of all test bars
    curves : (T,) equity of the account, of the benchmark, and of the trial that is best in sample over all
    """

    summary: dict[str, Any]
    times: NDArray[np.datetime64]
    curves: Mapping[str, Floats]


def walk_forward(
    account: Trials, own: AccountRange, columns: Mapping[str, NDArray[Any]], table: TrialTable
) -> WalkForwardResult:
    """Choose the settings of each window and simulate all test bars once.

    The target is, window by window, that of the chosen settings: at a seam nothing is sold unless the new
    settings want another position.

    Parameters
    ----------
    columns : of the trials of this account, (N, 1 + W): the whole range, then the training bars of each window
    """
    choices = [_choose(own, columns, table, place) for place in range(len(own.windows))]
    first = own.windows[0].test
    done, metrics = _simulated(own, _stitched(account, own, choices), first)
    hindsight = None if table.best is None else _simulated(own, account.target(table.best)[first:], first)[0]
    curves = {"equity": done.equity, "benchmark": _benchmark(own, first)}
    if hindsight is not None:
        curves["best_in_sample"] = hindsight.equity
    values = account.planned.values
    summary = {
        "first_bar": stamp(done.times[0]),
        "last_bar": stamp(done.times[-1]),
        "bars": len(done.times),
        "metrics": metrics,
        "efficiency": _efficiency(choices, metrics["annual_return"]),
        "best_in_sample": None if table.best is None else values(table.best),
        "windows": [_window(own, choice, done, values, first) for choice in choices],
        "drift": _drift(choices, values),
        "curves": _thinned(done.times, curves),
    }
    return WalkForwardResult(summary, done.times, curves)


def _thinned(times: NDArray[np.datetime64], curves: Mapping[str, Floats]) -> dict[str, Any]:
    """The curves at so many bars, evenly apart, the first and the last among them: enough for a picture."""
    shown = np.unique(np.linspace(0, len(times) - 1, min(SHOWN, len(times))).astype(np.int64))
    return {
        "times": [stamp(time) for time in times[shown]],
        **{name: [float(f"{value:.7g}") for value in curve[shown]] for name, curve in curves.items()},
    }


def _choose(own: AccountRange, columns: Mapping[str, NDArray[Any]], table: TrialTable, place: int) -> Choice:
    request, window = table.request, own.windows[place]
    figures = {name: columns[name][:, 1 + place].astype(np.float64) for name in FIGURES}
    span = span_of(own, 1 + place)
    scores = OBJECTIVES[request.objective].scores(figures, span)
    eligible = (
        table.known & ~columns["ruined"][:, 1 + place] & (figures["num_trades"] >= request.minimum_trades)
    )
    best = best_of(scores, eligible)
    if best is None:
        return Choice(window, None, None, None)
    annual = OBJECTIVES["annual_return"].scores(figures, span)[best]
    return Choice(window, best, float(scores[best]), defined(float(annual)))


def _stitched(account: Trials, own: AccountRange, choices: list[Choice]) -> Floats:
    """(T, M) the target over all test bars."""
    width = len(own.selection.bars.symbols)
    targets: dict[int | None, Floats] = {None: np.zeros((len(own.selection.bars), width))}
    parts = []
    for choice in choices:
        if choice.trial is not None and choice.trial not in targets:
            targets[choice.trial] = account.target(choice.trial)
        parts.append(targets[choice.trial][choice.window.test : choice.window.stop])
    return np.concatenate(parts)


def _simulated(own: AccountRange, target: Floats, first: int) -> tuple[Simulation, dict[str, Any]]:
    """One simulation of the bars from `first` on, and its metrics."""
    selection = own.selection
    bars = selection.bars.cut(first, len(selection.bars))
    config = replace(own.run.config, periods_per_year=selection.span.year.bars)
    done = simulate(bars, np.ascontiguousarray(target), config)
    part = replace(selection, bars=bars, benchmark=_benchmark(own, first))
    account: Account = account_of(done, part, trade_columns(done, own.run.symbols), own.run.risk_free_rate)
    return done, dict(compute_metrics(account).values)


def _benchmark(own: AccountRange, first: int) -> Floats:
    """The benchmark bought at the close of the first test bar."""
    capital = own.run.config.initial_capital
    if own.run.benchmark is None:
        return buy_and_hold(own.selection.bars.close[first:], capital)
    values = own.selection.benchmark[first:]
    scaled: Floats = values / values[0] * capital
    return scaled


def _efficiency(choices: list[Choice], outside: float | None) -> float | None:
    """Annual return out of sample over the mean annual return in sample: Pardo (2008); None where that is not above 0."""
    inside = [choice.annual_return for choice in choices if choice.annual_return is not None]
    mean = sum(inside) / len(inside) if inside else 0.0
    return outside / mean if outside is not None and mean > 0.0 else None


def _window(own: AccountRange, choice: Choice, done: Simulation, values: Any, first: int) -> dict[str, Any]:
    """One window: its bars, what it chose, and what the account made on its test bars."""
    window, times = choice.window, own.selection.bars.times
    begin, end = window.test - first, window.stop - first
    before = done.initial_capital if begin == 0 else float(done.equity[begin - 1])
    closed = done.trades.exit_bar
    return {
        "train": [stamp(times[window.train]), stamp(times[window.test - 1])],
        "test": [stamp(times[window.test]), stamp(times[window.stop - 1])],
        "test_bars": window.stop - window.test,
        "trial": choice.trial,
        "values": None if choice.trial is None else values(choice.trial),
        "score": choice.score,
        "annual_return_in_sample": choice.annual_return,
        "total_return": float(done.equity[end - 1]) / before - 1.0 if before > 0 else None,
        "num_trades": int(np.count_nonzero((closed >= begin) & (closed < end))),
    }


def _drift(choices: list[Choice], values: Any) -> dict[str, Any]:
    """How often the settings changed, and of each input the values of the windows in order."""
    chosen = [choice.trial for choice in choices]
    changes = sum(one != other for one, other in pairwise(chosen))
    settings = [values(trial) for trial in chosen if trial is not None]
    names = list(settings[0]) if settings else []
    return {
        "changes": changes,
        "flat_windows": chosen.count(None),
        "values": {name: [part[name] for part in settings] for name in names},
    }
