"""What the room of the risk shows besides its curves: windows to choose from, and known falls of the market."""

from __future__ import annotations

from typing import Any

from backtest.metrics import crises
from store.models import Result, Run
from web.results.stored_curves import curves_of
from web.risk.rolling import windows


def values(run: Run, result: Result) -> dict[str, Any]:
    """What the template needs."""
    curves, conventions = curves_of(run.run_id, str(run.result_hash)), result.summary["conventions"]
    equity = curves.by_name["equity"].copy()
    equity[0] = run.initial_capital
    return {
        "windows": windows(conventions["periods_per_year"], conventions["returns"] or 0),
        "crises": crises.covered(curves.times, equity, curves.by_name["benchmark"]),
        "crises_source": crises.SOURCE,
        "crises_known": len(crises.CRISES),
    }
