"""Compares a run with its second execution, which is a run of its own: both as they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from backtest.plural import counted
from backtest.run import recomputed
from backtest.run.result_tables import HASH_VERSION, TRADE_COLUMNS
from store import packing
from store.errors import UnknownRun
from store.models import Run, Status, Trade
from store.queries import results, runs
from web.api import schemas

_IDENTICAL = "Identical: a second execution gives the same result, bit for bit."
_DIFFERENT = "Different: a second execution does not give the stored result."
_OLDER_RELEASE = (
    " It was stored by an older release, which computed the signals of several symbols on their common bars alone, "
    "the periods of a year from the chosen range, and an annual return of less than 90 days."
)
_OPEN = "The run is being executed again."


def read(session: Session, run_id: str) -> schemas.Verification:
    """How the newest second execution of a run compares with it, or `UnknownRun` where there is none."""
    run = runs.get(session, run_id)
    again = runs.verification_of(session, run_id)
    if again is None:
        raise UnknownRun(f"run {run_id} was not verified yet; POST /runs/{run_id}/verify executes it again")
    difference = first_difference(session, run, again) if again.status == Status.SUCCEEDED else None
    return {
        "run_id": run_id,
        "verification_run_id": again.run_id,
        "status": again.status,
        "identical": difference is None if again.status == Status.SUCCEEDED else None,
        "message": _message(again, difference) + (_by_older_release(session, run) if difference else ""),
        "stored_result_hash": run.result_hash,
        "computed_result_hash": again.result_hash,
        "data_hash": run.data_hash,
        "stored_engine_version": run.engine_version,
        "engine_version": again.engine_version,
        "image_tag": run.image_tag,
        "verified_with_image_tag": again.image_tag,
        "first_difference": difference,
    }


def _message(again: Run, difference: str | None) -> str:
    if not again.ended:
        return _OPEN
    if again.status != Status.SUCCEEDED:
        return f"The second execution is {again.status}: {again.error_message}"
    return _DIFFERENT if difference else _IDENTICAL


def _by_older_release(session: Session, run: Run) -> str:
    """Why a result may differ without a fault; releases before hash version 2 computed these otherwise."""
    result = results.get(session, run.run_id)
    version = result.summary.get("result_hash_version", 1) if result else HASH_VERSION
    return _OLDER_RELEASE if version < HASH_VERSION else ""


def first_difference(session: Session, run: Run, again: Run) -> str | None:
    """Where two executions part for the first time, in words: trades, curves, then metrics; None where nowhere.

    Result hashes are not compared: an older release worked them out otherwise, and they state what is compared here.
    """
    return (
        _of_trades(results.trades(session, run.run_id), results.trades(session, again.run_id))
        or _of_curves(session, run, again)
        or _of_metrics(run, again)
    )


def _of_trades(stored: Sequence[Trade], computed: Sequence[Trade]) -> str | None:
    if len(stored) != len(computed):
        return f"stored: {counted(len(stored), 'trade')}, computed: {counted(len(computed), 'trade')}"
    for number, (before, after) in enumerate(zip(stored, computed, strict=True), 1):
        for name in TRADE_COLUMNS:
            was, now = getattr(before, name), getattr(after, name)
            if was != now:
                return f"trade {number} ({before.symbol}): {name} was {was!r}, is {now!r}"
    return None


def _of_curves(session: Session, run: Run, again: Run) -> str | None:
    for name in results.COLUMNS:
        was, now = (results.column(session, execution.run_id, name) for execution in (run, again))
        if was is None or now is None or packing.unpack(was) != packing.unpack(now):
            return f"the trades are identical; the curve {name} differs"
    return None


def _of_metrics(run: Run, again: Run) -> str | None:
    before, after = run.metrics or {}, again.metrics or {}
    for name in before.keys() & after.keys():  # releases may add metrics
        if not recomputed.is_same(before[name], after[name]):
            return f"the metric {name} was {before[name]!r}, is {after[name]!r}"
    return None
