"""Everything about a run in one answer: assembled once for all who watch it, and cached while it is asked for."""

from __future__ import annotations

from threading import Condition
from typing import cast

from cachetools import LRUCache, cached
from flask import jsonify
from sqlalchemy.orm import Session

from store.models import Run
from store.queries import results
from web.api import links, schemas, serializers
from web.middleware.compression import Body
from web.presentation import charts
from web.presentation.decimation import downsample
from web.results.stored_curves import Curves, curves_of, require
from web.services import database

_MOST_TRADES = 1_000
_CACHE_BYTES = 8 * 1024 * 1024
_SUMMARY = tuple(name for name in schemas.Summary.__annotations__ if name != "curve_bars")
_NO_SUMMARY: schemas.Summary = {}
_NOT_WAITING: schemas.Waiting = {}


def unfinished(session: Session, run: Run) -> schemas.Status:
    """A run without a result: how far it is, or why it ended."""
    return {
        **serializers.run_details(run),
        "links": links.of_run(run.run_id),
        **serializers.waiting(session, run),
        "metrics": None,
        "metric_reasons": {},
        **_NO_SUMMARY,
        "equity_curve": [],
        "drawdown_curve": [],
        "trades": [],
        "charts": {},
    }


def _cache_key(run: Run, etag: str, _points: int, _with_charts: bool) -> tuple[str, str]:
    return run.run_id, etag


@cached(LRUCache(_CACHE_BYTES, getsizeof=len), key=_cache_key, condition=Condition())
def finished_json(run: Run, _etag: str, points: int, with_charts: bool) -> Body:
    """A run with its result as JSON, and compressed; it never changes under its ETag."""
    return Body.of(jsonify(_finished(run, points, with_charts)).get_data())


def _finished(run: Run, points: int, with_charts: bool) -> schemas.Status:
    with database().read() as session:
        result = require(session, run.run_id)
        trades = results.trades(session, run.run_id, limit=_MOST_TRADES)
    curves = curves_of(run.run_id, str(run.result_hash))
    return {
        **serializers.run_details(run),
        "links": links.of_run(run.run_id),
        **_NOT_WAITING,
        "metrics": result.summary.get("metrics"),
        "metric_reasons": result.summary.get("metric_reasons"),
        **cast(schemas.Summary, {name: result.summary.get(name) for name in _SUMMARY}),
        **_points(curves, points),
        "curve_bars": len(curves.times),
        "trades": [serializers.trade(trade) for trade in trades],
        "charts": _charts(run, curves) if with_charts else {},
    }


def _points(curves: Curves, points: int) -> schemas.Points:
    """Equity and drawdown at about so many bars, every peak and trough among them."""
    equity, drawdown = curves.by_name["equity"], curves.by_name["drawdown"]
    chosen = downsample([equity, drawdown], points)
    stamps = curves.times[chosen].astype("datetime64[s]").astype(str).tolist()
    times = [stamp.removesuffix("T00:00:00") for stamp in stamps]
    return {
        "equity_curve": [
            {"time": time, "equity": value}
            for time, value in zip(times, equity[chosen].tolist(), strict=True)
        ],
        "drawdown_curve": [
            {"time": time, "drawdown": value}
            for time, value in zip(times, drawdown[chosen].tolist(), strict=True)
        ],
    }


def _charts(run: Run, curves: Curves) -> dict[str, str]:
    with database().read() as session:
        pnl = results.closed_pnl(session, run.run_id).pnl
    return charts.of_run(run.run_id, str(run.result_hash), curves, pnl)
