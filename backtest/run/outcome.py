"""A whole run as a pure function: request and prices in; metrics, curves, trades and warnings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats
from backtest.comparison.alternatives import alternatives, figures
from backtest.metrics import Account
from backtest.prices import quality
from backtest.prices.calendar import stamp
from backtest.prices.dataset import Dataset
from backtest.run import data_warnings
from backtest.run.alignment import Aligned, align, check_volume
from backtest.run.facts import facts_of
from backtest.run.lookahead import LookaheadCheck, check_lookahead
from backtest.run.recomputed import derived, held
from backtest.run.request import RunRequest
from backtest.run.result_tables import HASH_VERSION, Column, ResultTables, result_hash, trade_columns
from backtest.run.targets import on_common_calendar, own_targets
from backtest.run.warnings import RunFacts, RunWarning, warnings_of
from backtest.simulation.backends import Backend
from backtest.simulation.config import EngineConfig
from backtest.simulation.progress import Passes, Progress
from backtest.simulation.simulate import EXIT_REASONS, Simulation, Trades, simulate

_BY_SIGNAL: Final = EXIT_REASONS.index("signal")
_BY_END: Final = EXIT_REASONS.index("end_of_data")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run.

    Parameters
    ----------
    summary : metrics, warnings, data-quality reports and tables, ready for JSON: no NaN, no infinity
    simulation : what the engine returned
    tables : the curves and trades as they are stored
    """

    summary: dict[str, Any]
    simulation: Simulation
    tables: ResultTables

    @property
    def curves(self) -> Mapping[str, Floats]:
        """(T,) arrays by name: equity, cash, exposure, drawdown, benchmark."""
        return self.tables.curves

    @property
    def trades(self) -> Trades:
        """The closed trades."""
        return self.simulation.trades


def run(
    request: RunRequest,
    datasets: Mapping[str, Dataset],
    *,
    backend: Backend = "auto",
    on_progress: Progress | None = None,
) -> Outcome:
    """Execute a request on prices, from their alignment to the metrics.

    Parameters
    ----------
    datasets : by symbol, those of the request and its benchmark
    on_progress : called with the name of each step and the fraction of the run that is done, by bars

    Raises
    ------
    InvalidRequest
        With the field that does not fit the prices: symbols, start_date, end_date or benchmark. `UnknownVolume`
        where the rule reads volume that is unknown.
    InvalidTarget
        If the rule returns a wrong shape or a value outside -1…1.
    """
    report = on_progress or _ignore
    report("aligning", 0.0)
    aligned = align(request, datasets)
    rule = request.rule()
    config = replace(request.config, periods_per_year=aligned.span.year.bars)
    others = alternatives(config)
    passes = Passes(report, sum(map(len, aligned.histories)), [name.replace("_", " ") for name in others])
    passes.begin("applying rule")
    check_volume(rule, aligned)
    own = own_targets(rule, aligned.histories, passed=passes.passed)
    passes.begin("look-ahead")
    check = check_lookahead(
        rule, aligned.histories, own, seed=aligned.span.data_hash, starts=aligned.span.starts,
        passed=passes.passed,
    )  # fmt: skip
    passes.begin("simulating")
    target = on_common_calendar(own, aligned.span.rows)
    simulation = simulate(aligned.bars, target, config, backend=backend)
    passes.begin("metrics")
    trades = trade_columns(simulation, request.symbols)
    account = account_of(simulation, aligned, trades, request.risk_free_rate)
    reports = [quality.inspect_bars(history)[0] for history in aligned.histories]
    warnings = [
        *_of_prices(request, aligned, reports, rule.warmup),
        *aligned.span.warmed_up(rule.warmup).warnings,
    ]
    summary = _summary(request, aligned, simulation, account, check, reports, warnings)
    summary["alternatives"] = _alternatives(aligned, target, account, others, backend, passes)
    tables = ResultTables(simulation.times, _curves(simulation, aligned, account), trades)
    summary["result_hash"] = result_hash(tables, summary)
    report("done", 1.0)
    return Outcome(summary, simulation, tables)


def account_of(
    simulation: Simulation, aligned: Aligned, trades: Mapping[str, Column], risk_free_rate: float
) -> Account:
    """The account of a simulation for the metrics: E_0 is the initial capital; `trades` are its columns by name."""
    equity = simulation.equity.copy()
    equity[0] = simulation.initial_capital
    return Account(
        times=simulation.times,
        equity=equity,
        trades=simulation.trades,
        held=held(simulation.times, trades, same_bar_fill=simulation.same_bar_fill),
        benchmark=aligned.benchmark,
        risk_free_rate=risk_free_rate,
        timeframe=aligned.bars.timeframe,
        year=aligned.span.year.periods,
        sessions=aligned.span.year.sessions,
    )


def _alternatives(
    aligned: Aligned,
    target: Floats,
    account: Account,
    others: Mapping[str, EngineConfig],
    backend: Backend,
    passes: Passes,
) -> dict[str, dict[str, float | int | None]]:
    """The same target traded at other costs and without stops, each with its figures."""
    found = {}
    for name, changed in others.items():
        passes.begin(name.replace("_", " "))
        found[name] = _figures(simulate(aligned.bars, target, changed, backend=backend), account)
    return found


def _figures(simulation: Simulation, account: Account) -> dict[str, float | int | None]:
    equity = simulation.equity.copy()
    equity[0] = simulation.initial_capital
    return figures(replace(account, equity=equity)) | {"num_trades": simulation.num_trades}


def _ignore(step: str, fraction: float) -> None:
    """Report no progress."""


def _curves(simulation: Simulation, aligned: Aligned, account: Account) -> dict[str, Floats]:
    value = np.einsum("tm,tm->t", simulation.position, aligned.bars.close)
    solvent = simulation.equity > 0
    exposure = np.where(solvent, value / np.where(solvent, simulation.equity, 1.0), 0.0)
    return {
        "equity": simulation.equity,
        "cash": simulation.cash,
        "exposure": exposure,
        "drawdown": account.drawdown,
        "benchmark": aligned.benchmark,
    }


def _summary(
    request: RunRequest,
    aligned: Aligned,
    simulation: Simulation,
    account: Account,
    check: LookaheadCheck,
    reports: Sequence[quality.QualityReport],
    of_data: list[RunWarning],
) -> dict[str, Any]:
    facts = facts_of(aligned.span, request, account)
    facts["conventions"]["adjusted"] = {
        symbol: "; ".join(own.scales) for symbol, own in aligned.origins.items() if own.scales
    }
    touching = quality.trades_touching(reports, simulation.trades, rows=aligned.span.rows)
    warnings = _warnings(simulation, account, check, touching) + of_data
    return {
        "engine_version": simulation.engine_version,
        "result_hash_version": HASH_VERSION,
        **facts,
        **derived(account),
        "funnel": simulation.order_statistics.as_dict(),
        "flags": _flags(simulation, check),
        "warnings": [warning.as_json() for warning in warnings],
        "lookahead": check.as_json(),
        "certificate": [
            report.as_json() | origin.as_json()
            for report, origin in zip(reports, aligned.origins.values(), strict=True)
        ],
        "suspect_trades": touching,
    }


def _of_prices(
    request: RunRequest, aligned: Aligned, reports: Sequence[quality.QualityReport], warmup: int
) -> list[RunWarning]:
    """What is worth knowing about the bars that are read: those traded, and before them those that warm up."""
    warnings = []
    for bars, report, start in zip(aligned.histories, reports, aligned.span.starts, strict=True):
        first = max(0, start - warmup)
        warnings += data_warnings.of_splits(report, first, len(bars) - 1)
        warnings += data_warnings.of_repairs(report.symbol, aligned.origins[report.symbol], bars, first)
    return warnings + data_warnings.of_adjusted(aligned.origins, request.config)


def _flags(simulation: Simulation, check: LookaheadCheck) -> dict[str, Any]:
    return {
        "ruined": simulation.ruined,
        "same_bar_fill": simulation.same_bar_fill,
        "ambiguous_bars": simulation.ambiguous_bars,
        "open_at_end": _open_at_end(simulation),
        "lookahead": check.peeks,
    }


def _open_at_end(simulation: Simulation) -> int:
    return int(np.count_nonzero(simulation.trades.exit_reason == _BY_END))


def _warnings(
    simulation: Simulation, account: Account, check: LookaheadCheck, touching: Mapping[str, Any]
) -> list[RunWarning]:
    ruined_on = stamp(simulation.times[int(np.argmax(simulation.equity <= 0))]) if simulation.ruined else None
    return warnings_of(
        RunFacts(
            trades=len(simulation.trades.pnl),
            open_at_end=_open_at_end(simulation),
            signals=simulation.order_statistics.signals,
            rejected=simulation.order_statistics.rejected,
            ambiguous_bars=simulation.ambiguous_bars,
            same_bar_fill=simulation.same_bar_fill,
            ruined_on=ruined_on,
            days=account.days,
            lookahead=check,
            touching=touching,
        )
    )
