"""What the engine step computes, wherever it runs: a request and its prices in, a result bundle out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backtest.errors import BacktestError
from backtest.prices.dataset import Dataset
from backtest.run import outcome
from backtest.run.request import RunRequest
from backtest.simulation.progress import Progress
from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from store.errors import StoreError
from workflows import failpoints
from workflows.failures import Failure, snake_case
from workflows.steps import bundle, tables

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """A request, and the datasets of its symbols and its benchmark."""

    request: RunRequest
    datasets: Mapping[str, Dataset]


def compute(work: Work, folder: Path, *, on_progress: Progress | None = None) -> Exit:
    """Compute the run and write its bundle."""
    request = work.request
    log.info("run begins", symbols=request.symbols, rule_type=request.rule_type)
    result = outcome.run(request, work.datasets, on_progress=on_progress)
    failpoints.hit("outcome-computed")
    bundle.write(folder, request.run_id, files_of(result))
    log.info("run computed", bars=result.summary["bars"], trades=len(result.trades))
    return Exit.OK


def files_of(result: outcome.Outcome) -> dict[str, bytes]:
    """What the bundle of a result holds."""
    return {
        bundle.SUMMARY: json.dumps(result.summary, allow_nan=False).encode(),
        bundle.TRADES: tables.trades_to_parquet(result.tables),
        bundle.CURVES: tables.curves_to_parquet(result.tables),
    }


def failed(error: Exception, report: Callable[[Failure], None]) -> Exit:
    """Log and report why the run was not computed; the exit code says whether a second try may succeed."""
    if isinstance(error, BacktestError | SettingsError | StoreError):
        failure = Failure(snake_case(type(error).__name__), logs.redacted(str(error)))
        log.warning("run cannot be computed", error_code=failure.code, error=failure.message)
        report(failure)
        return Exit.BAD_INPUT
    log.exception("step failed")
    report(_unexpected(error))
    return Exit.TRY_AGAIN if isinstance(error, OSError) else Exit.CRASHED


def _unexpected(error: Exception) -> Failure:
    reason = logs.redacted(str(error)) or "without a word"
    return Failure(
        "engine_failed",
        f"The engine step failed unexpectedly: {type(error).__name__}: {reason}. "
        "The log has the details under this run id.",
    )
