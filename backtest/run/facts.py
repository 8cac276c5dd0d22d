"""What a summary says about prices and bars of its run: it follows from request and calendars, without a price."""

from __future__ import annotations

from typing import Any

from backtest.metrics import Account
from backtest.prices.calendar import stamp
from backtest.run.request import RunRequest
from backtest.run.span import Span


def facts_of(span: Span, request: RunRequest, account: Account) -> dict[str, Any]:
    """The prices and bars of a run, and the conventions that its metrics are computed with."""
    return {
        "data_hash": span.data_hash,
        "data_hashes": span.hashes,
        "timeframe": span.calendars[0].timeframe,
        "first_bar": stamp(span.times[0]),
        "last_bar": stamp(span.times[-1]),
        "bars": len(span.times),
        "warmup_bars": min(span.starts),
        "conventions": _conventions(span, request, account),
    }


def _conventions(span: Span, request: RunRequest, account: Account) -> dict[str, Any]:
    year = span.year
    return {
        "periods_per_year": account.periods_per_year,
        "closes_per_year": year.counted,
        "bars_per_year": year.bars,
        "sessions": year.sessions.as_json() if year.sessions else None,
        "returns": account.periods,
        "risk_free_rate": account.risk_free_rate,
        "benchmark": request.benchmark or ", ".join(request.symbols),
        "benchmark_is_own_symbols": request.benchmark is None,
    }
