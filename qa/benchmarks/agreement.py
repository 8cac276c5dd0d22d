"""Did all engines trade alike? Speed counts only among those that did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.benchmarks.plan import INTERPRETED, LIMIT, OURS
from qa.benchmarks.work import WORKS, window_pairs

CENT = 0.01
TIES = 3
"""Runs of a table in which an engine may see equal averages another way; each is named."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison with our compiled backend, and whether it holds."""

    work: str
    engine: str
    holds: bool
    detail: str


def check_run(work: str, engine: str, result: dict[str, Any], ours: dict[str, Any]) -> Check:
    """Same number of trades on the same bars and the same final equity to the cent."""
    same_bars = result.get("trades") is None or result["trades"] == ours["trades"]
    trades, expected = int(result["figures"][3]), int(ours["figures"][3])
    equity, expected_equity = result["figures"][4], ours["figures"][4]
    holds = same_bars and trades == expected and abs(equity - expected_equity) < CENT
    where = "on the same bars" if same_bars and result.get("trades") is not None else "(bars not listed)"
    where = where if same_bars else "on OTHER BARS"
    return Check(work, engine, holds, f"{trades:,} trades {where}, final equity {equity:,.2f}")


def check_table(work: str, engine: str, result: dict[str, Any], ours: dict[str, Any]) -> Check:
    """Same number of trades wherever the engine reports it, and the same return, but for the fee of a sale at the end."""
    rows, table = _stored(result)
    reference = _stored(ours)[1][rows]
    same_trades = (table[:, 3] == reference[:, 3]) | np.isnan(table[:, 3])
    gap = np.abs(table[:, 0] - reference[:, 0])
    exact = engine in (LIMIT, INTERPRETED)
    allowed = 1e-9 + (0.0 if exact else WORKS[work].fee_rate * (1 + table[:, 0]))
    apart = ~(same_trades & (gap <= allowed))
    named = ", ".join(_name(work, row) for row in rows[apart][:TIES])
    detail = f"{len(rows) - apart.sum():,} of {len(rows):,} runs agree" + (f"; not {named}" if named else "")
    return Check(work, engine, bool(apart.sum() <= (0 if exact else TIES)), detail)


def _stored(result: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    stored = np.load(result["table"])
    return stored["rows"], stored["table"]


def _name(work: str, row: int) -> str:
    if work == "sweep":
        fast, slow = window_pairs()[row]
        return f"({fast}, {slow})"
    return f"symbol {row}" if work == "many" else f"trial {row}"


def checks(results: dict[tuple[str, str], dict[str, Any]]) -> list[Check]:
    """Every engine's result that is whole enough to compare, beside ours."""
    done = []
    for (work, engine), result in results.items():
        ours = results[work, OURS]
        if engine == OURS or not ("table" in result or "figures" in result):
            continue
        compare = check_table if "table" in result else check_run
        done.append(compare(work, engine, result, ours))
    return done
