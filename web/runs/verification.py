"""Executes a run again from what is stored and says whether the result is the same to the last bit."""

from __future__ import annotations

import numpy as np

from backtest.engine import ENGINE_VERSION
from backtest.plural import counted
from backtest.run.outcome import Outcome
from backtest.run.outcome import run as execute
from backtest.simulation.simulate import EXIT_REASONS
from store.errors import Conflict
from store.models import Run, Status, Trade
from store.queries import datasets, results, runs
from web.api import schemas
from web.services import database

_COMPARED = ("size", "entry_price", "entry_fill", "exit_price", "exit_fill", "entry_fee", "exit_fee", "pnl")
_IDENTICAL = "Identical: a second execution gives the same result, bit for bit."
_DIFFERENT = "Different: a second execution does not give the stored result."


def verify(run_id: str) -> schemas.Verification:
    """Execute the run again, or raise `Conflict` where it has no result to compare with."""
    with database().read() as session:
        run = runs.get(session, run_id)
        if run.status != Status.SUCCEEDED:
            raise Conflict(f"run {run_id} is {run.status}: only a succeeded run can be verified")
        hashes = run.data_hashes or {}
        prices = {symbol: datasets.load(session, data_hash) for symbol, data_hash in hashes.items()}
        request = runs.request_of(run)
    outcome = execute(request, prices)
    computed = str(outcome.summary["result_hash"])
    if computed == run.result_hash:
        return _verification(run, computed, _IDENTICAL, None)
    with database().read() as session:
        stored = list(results.trades(session, run_id))
    return _verification(run, computed, _DIFFERENT, first_difference(stored, outcome))


def first_difference(stored: list[Trade], outcome: Outcome) -> str:
    """Where the trades part for the first time, in words."""
    computed = outcome.trades
    for place, trade in enumerate(stored[: len(computed.pnl)]):
        if difference := _trade_difference(trade, place, outcome):
            return difference
    if len(stored) != len(computed.pnl):
        return f"stored: {counted(len(stored), 'trade')}, computed: {counted(len(computed.pnl), 'trade')}"
    return "the trades are identical; the curves differ"


def _trade_difference(trade: Trade, place: int, outcome: Outcome) -> str:
    computed, number = outcome.trades, place + 1
    for name in _COMPARED:
        before, after = getattr(trade, name), float(getattr(computed, name)[place])
        if before != after:
            return f"trade {number} ({trade.symbol}): {name} was {before!r}, is {after!r}"
    exit_before = np.datetime64(trade.exit_time.replace(tzinfo=None), "s")
    exit_after = outcome.simulation.times[computed.exit_bar[place]]
    if exit_before != exit_after:
        return f"trade {number} ({trade.symbol}): closed {exit_before}, now {exit_after}"
    if trade.exit_reason != EXIT_REASONS[computed.exit_reason[place]]:
        return f"trade {number}: exit reason was {trade.exit_reason}"
    return ""


def _verification(run: Run, computed: str, message: str, difference: str | None) -> schemas.Verification:
    return {
        "run_id": run.run_id,
        "identical": difference is None,
        "message": message,
        "stored_result_hash": run.result_hash,
        "computed_result_hash": computed,
        "data_hash": run.data_hash,
        "stored_engine_version": run.engine_version,
        "engine_version": ENGINE_VERSION,
        "image_tag": run.image_tag,
        "first_difference": difference,
    }
