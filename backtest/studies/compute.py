"""The trials of one chunk, executed: each is a simulation of its own, its figures those of the ordinary run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Floats, Ints
from backtest.metrics import returns
from backtest.metrics.account import Account, Undefined
from backtest.metrics.drawdown import max_drawdown
from backtest.metrics.metric import Metric
from backtest.prices.dataset import Dataset
from backtest.run.request import RunRequest
from backtest.run.targets import on_common_calendar, own_targets
from backtest.simulation.simulate import Simulation, simulate
from backtest.studies.chunk import BLOCKS, COLUMNS, Chunk
from backtest.studies.plan import Plan, plan
from backtest.studies.request import StudyRequest
from backtest.studies.segments import AccountRange, Segment, account_range

Progress = Callable[[int], None]
Columns = dict[str, NDArray[Any]]

AT_ONCE: Final = 64
"""Trials that are executed together; progress is reported behind each such part."""


def compute_chunk(
    request: StudyRequest,
    datasets: Mapping[str, Dataset],
    number: int,
    chunks: int,
    *,
    planned: Plan | None = None,
    on_progress: Progress | None = None,
) -> Chunk:
    """Execute the trials of chunk `number` of `chunks`; equal input gives equal bytes, however it is split.

    Parameters
    ----------
    datasets : by symbol, those of the request and its benchmark
    planned : the plan of the request where it is known already
    on_progress : called with the number of rows that are done, now and then

    Raises
    ------
    InvalidRequest
        Where the request does not fit the prices.
    InvalidTarget
        If the rule returns a wrong shape or a value outside -1…1.
    """
    planned = planned or plan(request)
    share = planned.share(number, chunks)
    parts, done = [], 0
    for symbols, trials in _by_account(planned, share):
        own = account_range(request, symbols, datasets)
        for first in range(trials.start, trials.stop, AT_ONCE):
            part = np.arange(first, min(first + AT_ONCE, trials.stop))
            parts.append(execute(planned, own, part))
            done += len(part)
            (on_progress or _ignore)(done)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    return Chunk(number, chunks, share.start, columns)


def execute(planned: Plan, own: AccountRange, trials: Ints) -> Columns:
    """The columns of some trials of one account, a row for each."""
    runs = (replace(planned.request.run_with(planned.values(trial)), symbols=own.run.symbols)
            for trial in trials.tolist())  # fmt: skip
    rows = [_row(run, own) for run in runs]
    return {name: np.array([row[name] for row in rows], kind) for name, kind in COLUMNS.items()}


def _ignore(rows: int) -> None:
    """Report no progress."""


def _by_account(planned: Plan, share: range) -> Iterator[tuple[tuple[str, ...], range]]:
    """The accounts that a share touches, each with its trials."""
    for place, symbols in enumerate(planned.accounts):
        first = place * planned.trials
        trials = range(max(share.start - first, 0), min(share.stop - first, planned.trials))
        if trials:
            yield symbols, trials


def _row(run: RunRequest, own: AccountRange) -> dict[str, Floats]:
    """The figures of one trial on each segment of its account."""
    target = on_common_calendar(own_targets(run.rule(), own.selection.histories), own.selection.span.rows)
    accounts = [_account(run, own, target, segment) for segment in own.segments]
    sums, squares = _blocks(accounts[0][1])
    rows = [_figures_of(*account) for account in accounts]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} | {
        "sums": sums, "squares": squares,
    }  # fmt: skip


def _account(
    run: RunRequest, own: AccountRange, target: Floats, segment: Segment
) -> tuple[Simulation, Account]:
    part = slice(segment.start, segment.stop)
    year = own.selection.span.year
    config = replace(run.config, periods_per_year=year.bars)
    bars = own.selection.bars.cut(segment.start, segment.stop)
    done = simulate(bars, np.ascontiguousarray(target[part]), config)
    equity = done.equity.copy()
    equity[0] = done.initial_capital
    account = Account(
        times=done.times, equity=equity, trades=done.trades, risk_free_rate=run.risk_free_rate,
        timeframe=bars.timeframe, year=year.periods, sessions=year.sessions,
    )  # fmt: skip
    return done, account


def _figures_of(done: Simulation, account: Account) -> dict[str, float]:
    return {
        "final_equity": _value(returns.final_equity, account),
        "total_return": _value(returns.total_return, account),
        "volatility": _value(returns.volatility, account),
        "sharpe_ratio": _value(returns.sharpe_ratio, account),
        "max_drawdown": _value(max_drawdown, account),
        "num_trades": done.num_trades,
        "ruined": done.ruined,
    }


def _value(metric: Metric, account: Account) -> float:
    with np.errstate(all="ignore"):
        value, _ = metric.evaluate(account)
    return np.nan if value is None else float(value)


def _blocks(account: Account) -> tuple[Floats, Floats]:
    """Sums of the returns and of their squares in 16 blocks of equal length; NaN where returns are undefined.

    What does not divide evenly is left off the start.
    """
    try:
        values = account.returns
    except Undefined:
        return np.full(BLOCKS, np.nan), np.full(BLOCKS, np.nan)
    size = len(values) // BLOCKS
    cut = values[len(values) - size * BLOCKS :].reshape(BLOCKS, size)
    return cut.sum(axis=1), (cut * cut).sum(axis=1)
