"""What the room of the robustness shows: how far it is, and what of the result survives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from store.models import OPEN, Result, Run
from store.queries.studies import robustness
from web.ledger import figure
from web.presentation.formatting import number, percent
from web.robustness.strips import Strip, strip_of
from web.services import database

_RESAMPLED: Final = (
    ("annual_return", "Annual return", percent),
    ("max_drawdown", "Max drawdown", percent),
    ("sharpe_ratio", "Sharpe ratio", number),
)
FILLS: Final = {
    "next_open": "Next open",
    "close": "Close of the signal's bar",
    "worst": "Worst price of the next bar",
}


def values(run: Run, result: Result) -> dict[str, Any]:
    """What the template needs; `found` is None where nothing was computed yet."""
    with database().read() as session:
        asked = robustness.find(session, run.run_id)
        found = robustness.answer_of(session, run.run_id)
        tried = figure.of_result(session, run, result)
    page = {
        "asked": asked,
        "is_awaited": asked is not None and asked.status in OPEN,
        "found": found,
        "tried": tried,
        "fill_names": FILLS,
    }
    return page | (_pictures(found) if found else {})


def _pictures(found: Mapping[str, Any]) -> dict[str, Any]:
    """The spans of what was resampled, begun, ordered and drawn, each on a scale of its own."""
    own, bands = found["figures"], found["bands"]
    begun = [part["figures"]["total_return"] for part in found["starts"]]
    order, luck = found["order_of_trades"], found["luck"]
    return {
        "starts": _spread(begun, own["total_return"]),
        "resampled": [
            {"label": label, "strip": strip_of(bands[name], own[name], style)}
            for name, label, style in _RESAMPLED
            if bands and bands[name]
        ],
        "orders": order and strip_of(order["max_drawdown"], order["actual"], percent),
        "entries": luck and strip_of(luck["total_return"], luck["actual"], percent),
    }


def _spread(begun: Sequence[float | None], own: float | None) -> Strip | None:
    """Lowest, middle and highest return over the first bars."""
    known = sorted(value for value in begun if value is not None)
    if not known:
        return None
    span = {"p5": known[0], "p50": known[len(known) // 2], "p95": known[-1]}
    return strip_of(span, own, percent)
