"""Runs and results as small as they can be, for the tests of the database."""

from datetime import UTC, datetime, timedelta

import numpy as np

from backtest.run import result_tables
from backtest.run.request import RunRequest
from qa.examples import MINIMAL
from store.queries import results, runs

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def submitted(database, *, now=NOON, **changes):
    """The id of a PENDING run."""
    request = RunRequest.parse(MINIMAL | changes)
    with database.write() as session:
        submission = runs.Submission(request=request, received=request.as_json())
        return runs.submit(session, submission, now=now)[0].run_id


def started(database, **changes):
    """The id of a RUNNING run."""
    run_id = submitted(database, **changes)
    with database.write() as session:
        assert runs.start(session, run_id, engine_version=1, now=NOON)
    return run_id


def trade(number, **changes):
    """A trade that opened `number` days after noon, for a day, and brought `number`."""
    opened = NOON + timedelta(days=number)
    closed = {"entry_time": opened, "exit_time": opened + timedelta(days=1)}
    prices = dict.fromkeys(("entry_price", "entry_fill", "exit_price", "exit_fill"), 100.0)
    costs = dict.fromkeys(("entry_fee", "exit_fee", "slippage", "borrow"), 0.0)
    gains = {"pnl": float(number), "pnl_pct": 0.0, "bars_held": 1, "mae_pct": 0.0, "mfe_pct": 0.0}
    words = {"symbol": "SP500", "side": "long", "size": 1.0, "exit_reason": "signal"}
    return closed | prices | costs | gains | words | changes


def result(trades=(), *, bars=4, result_hash="r" * 64):
    """A result of `bars` daily bars whose curves count 0, 1, 2, ..."""
    metrics = {"total_return": 0.5, "sharpe_ratio": None, "max_drawdown": -0.25, "num_trades": len(trades)}
    summary = {
        "metrics": metrics,
        "result_hash": result_hash,
        "engine_version": 7,
        "data_hash": "d" * 64,
        "data_hashes": {"SP500": "d" * 64},
    }
    times = np.datetime64("2024-01-01", "s") + np.arange(bars) * np.timedelta64(86_400, "s")
    curves = {name: np.arange(bars, dtype=float) for name in result_tables.CURVES}
    return results.RunResult(summary=summary, times=times, curves=curves, trades=list(trades))


def succeeded(database, trades=(), **changes):
    """The id of a SUCCEEDED run with its result."""
    run_id = started(database, **changes)
    with database.write() as session:
        assert results.succeed(session, run_id, result(trades), now=NOON)
    return run_id
