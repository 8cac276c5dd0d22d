"""What the room of the returns shows: months, years, and how the returns of the periods are spread."""

from __future__ import annotations

from typing import Any

from backtest.metrics import Account
from backtest.metrics.account import Undefined
from backtest.metrics.periods import return_distribution
from store.models import Result, Run
from web.presentation import svg
from web.results.curves import account_of
from web.results.stored_curves import curves_of


def values(run: Run, result: Result) -> dict[str, Any]:
    """What the template needs."""
    curves = curves_of(run.run_id, str(run.result_hash))
    account = account_of(curves, result.summary, run.initial_capital)
    return {
        "heatmap": svg.heatmap(result.summary["monthly"], result.summary["yearly"]),
        "yearly": svg.yearly(result.summary["yearly"]),
        **_distribution(account),
    }


def _distribution(account: Account) -> dict[str, Any]:
    """The bars of the histogram, and how many periods in cash it leaves out; none after ruin, without returns."""
    try:
        found = return_distribution(account)
    except Undefined:
        return {"distribution": [], "idle": 0}
    return {"distribution": svg.distribution(found), "idle": found["idle"]}
