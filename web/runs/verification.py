"""Executes a run again from what is stored and says whether the result is the same to the last bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from backtest.engine import ENGINE_VERSION
from backtest.run.outcome import Outcome
from backtest.run.outcome import run as execute
from backtest.simulation.simulate import EXIT_REASONS
from store.errors import Conflict
from store.models import Run, Status, Trade
from store.queries import datasets, results, runs
from web.services import database

_COMPARED = ("size", "entry_price", "entry_fill", "exit_price", "exit_fill", "entry_fee", "exit_fee", "pnl")


@dataclass(frozen=True, slots=True)
class Verification:
    """What a second execution found."""

    run_id: str
    identical: bool
    message: str
    stored_result_hash: str | None
    computed_result_hash: str
    data_hash: str | None
    stored_engine_version: int | None
    engine_version: int
    image_tag: str | None
    first_difference: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def verify(run_id: str) -> Verification:
    """Execute the run again, or raise `Conflict` where it has no result to compare with."""
    with database().read() as session:
        run = runs.get(session, run_id)
        if run.status != Status.SUCCEEDED:
            raise Conflict(f"run {run_id} is {run.status}: only a run that succeeded can be verified")
        prices = {name: datasets.load(session, found) for name, found in (run.data_hashes or {}).items()}
        request = runs.request_of(run)
    outcome = execute(request, prices)
    computed = str(outcome.summary["result_hash"])
    if computed == run.result_hash:
        return _found(run, computed, "Identical: executed again, every bit of the result is the same.")
    with database().read() as session:
        stored = list(results.trades(session, run_id))
    difference = first_difference(stored, outcome)
    return _found(run, computed, "Different: the result is not the one that is stored.", difference)


def first_difference(stored: list[Trade], outcome: Outcome) -> str:
    """Where the trades part for the first time, in words."""
    trades, times = outcome.trades, outcome.simulation.times
    for place, trade in enumerate(stored[: len(trades.pnl)]):
        for name in _COMPARED:
            before, after = getattr(trade, name), float(getattr(trades, name)[place])
            if before != after:
                return f"trade {place + 1} ({trade.symbol}): {name} was {before!r}, is {after!r}"
        exit_time = np.datetime64(trade.exit_time.replace(tzinfo=None), "s")
        if exit_time != times[trades.exit_bar[place]]:
            return (
                f"trade {place + 1} ({trade.symbol}): closed {exit_time}, now {times[trades.exit_bar[place]]}"
            )
        if trade.exit_reason != EXIT_REASONS[trades.exit_reason[place]]:
            return f"trade {place + 1}: exit reason was {trade.exit_reason}"
    if len(stored) != len(trades.pnl):
        return f"there were {len(stored)} trades, there are {len(trades.pnl)}"
    return "the trades are the same; the curves differ"


def _found(run: Run, computed: str, message: str, difference: str | None = None) -> Verification:
    return Verification(
        run_id=run.run_id,
        identical=difference is None,
        message=message,
        stored_result_hash=run.result_hash,
        computed_result_hash=computed,
        data_hash=run.data_hash,
        stored_engine_version=run.engine_version,
        engine_version=ENGINE_VERSION,
        image_tag=run.image_tag,
        first_difference=difference,
    )
