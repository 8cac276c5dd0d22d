"""What a study found: the best trial of each account and what its statistics say, from all chunks together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from backtest.comparison.holding import metrics_of_benchmark
from backtest.metrics import Account
from backtest.prices.calendar import stamp
from backtest.prices.dataset import Dataset
from backtest.run.outcome import run
from backtest.studies.chunk import Chunk, Joined, join
from backtest.studies.execution.trials import Trials
from backtest.studies.objective import OBJECTIVES
from backtest.studies.plan import Plan, plan
from backtest.studies.request import StudyRequest
from backtest.studies.segments import AccountRange, account_range, holdout_run
from backtest.studies.statistics.deflated import Tried
from backtest.studies.statistics.judgement import Judgement
from backtest.studies.table import TrialTable, table_of, trial_json
from backtest.studies.walk_forward import WalkForwardResult, walk_forward

HOLDOUT_METRICS = (
    "final_equity", "total_return", "annual_return", "volatility", "sharpe_ratio", "max_drawdown", "num_trades",
    "benchmark_return", "excess_return", "psr",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """The result of a study.

    Parameters
    ----------
    summary : what pages and reports show, ready for JSON: no NaN, no infinity
    tables : the trials of each account
    walks : of a walk-forward the stitched account of each
    """

    summary: dict[str, Any]
    tables: tuple[TrialTable, ...]
    walks: tuple[WalkForwardResult, ...] = ()


def finish(
    request: StudyRequest,
    datasets: Mapping[str, Dataset],
    chunks: Iterable[Chunk],
    *,
    planned: Plan | None = None,
    before: Mapping[tuple[str, ...], Tried] | None = None,
) -> StudyResult:
    """What `judge` finds in chunks, which are in any order and in any shares."""
    planned = planned or plan(request)
    return judge(planned, datasets, join(chunks, planned.rows, planned.trials), before=before)


def judge(
    planned: Plan,
    datasets: Mapping[str, Dataset],
    found: Joined,
    *,
    before: Mapping[tuple[str, ...], Tried] | None = None,
) -> StudyResult:
    """Choose the best trial of each account and compute the statistics, of the chunks that there are.

    Parameters
    ----------
    found : the rows; `summary["rows"]` says how many are missing
    before : by the symbols of an account, what was tried on this rule and these prices before
    """
    request, columns, known = planned.request, found.columns, found.known
    accounts = []
    for place, symbols in enumerate(planned.accounts):
        part = slice(place * planned.trials, (place + 1) * planned.trials)
        own = account_range(request, symbols, datasets)
        rows = {name: values[part] for name, values in columns.items()}
        table, account = table_of(planned, own, rows, known[part]), Trials(planned, own)
        judgement = Judgement(
            table, account, columns["sums"][part], columns["squares"][part],
            found.maxima[place], (before or {}).get(symbols),
        )  # fmt: skip
        walk = walk_forward(account, own, rows, table) if own.windows else None
        accounts.append((table, walk, _account(planned, own, datasets, judgement, walk)))
    summary = {
        "kind": request.kind,
        "objective": request.objective,
        "trials": planned.trials,
        "refused": planned.refused,
        "rows": {"all": planned.rows, "missing": int(planned.rows - known.sum())},
        "accounts": [account for *_, account in accounts],
    }
    return StudyResult(
        summary, tuple(table for table, *_ in accounts), tuple(walk for _, walk, _ in accounts if walk)
    )


def traded(own: AccountRange, table: TrialTable) -> dict[str, Any]:
    """What an account traded, and how many of its trials may be chosen and made money."""
    span = own.selection.span
    return {
        "symbols": list(table.symbols),
        "data_hash": span.data_hash,
        "first_bar": stamp(span.times[0]),
        "last_bar": stamp(span.times[-1]),
        "bars": len(span.times),
        "eligible": int(table.eligible.sum()),
        "profitable": float((table.figures["total_return"][table.known] > 0).mean()),
    }


def _account(
    planned: Plan, own: AccountRange, datasets: Mapping[str, Dataset], judgement: Judgement,
    walk: WalkForwardResult | None,
) -> dict[str, Any]:  # fmt: skip
    table, best = judgement.table, judgement.table.best
    return {
        **traded(own, table),
        "holding": _holding(own),
        "best": None if best is None else trial_json(planned, table, best),
        "statistics": judgement.as_json(),
        "walk_forward": walk.summary if walk else None,
        "holdout": None if best is None else _holdout(planned, own, datasets, best),
    }


def _holding(own: AccountRange) -> dict[str, Any]:
    """What holding the benchmark came to on the bars of the selection, by the names of the objectives."""
    aligned, request = own.selection, own.run
    held, year = aligned.benchmark, aligned.span.year
    account = Account(
        times=aligned.span.times, equity=held, trades=cast(Any, None), benchmark=held,
        risk_free_rate=request.risk_free_rate, timeframe=aligned.bars.timeframe, year=year.periods,
        sessions=year.sessions,
    )  # fmt: skip
    values = metrics_of_benchmark(account).values
    return {name: values[name] for name in OBJECTIVES}


def _holdout(
    planned: Plan, own: AccountRange, datasets: Mapping[str, Dataset], best: int
) -> dict[str, Any] | None:
    """The chosen trial on the bars that no selection saw, as the ordinary run of them."""
    chosen = replace(planned.request.run_with(planned.values(best)), symbols=own.run.symbols)
    request = holdout_run(planned.request, chosen, own.run)
    if request is None:
        return None
    summary = run(request, datasets).summary
    return {
        "first_bar": summary["first_bar"],
        "last_bar": summary["last_bar"],
        "bars": summary["bars"],
        "metrics": {name: summary["metrics"][name] for name in HOLDOUT_METRICS},
    }
