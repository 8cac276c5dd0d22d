"""GET /status/<run_id>: everything about a run in one answer."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from threading import Condition
from typing import Any

from cachetools import LRUCache, cached
from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from backtest.run.request import OPTION_FIELDS
from store.models import Result, Run, Status, Trade
from store.queries import results, runs
from web.api import links
from web.api.request_parsing import query_flag, query_number
from web.presentation import charts
from web.presentation.decimation import Floats, downsample
from web.runs.results import Curves, decode, require
from web.services import database, now

MOST_POINTS = 20_000
MOST_TRADES = 1_000
_KEPT_BYTES = 8 * 1024 * 1024

bp = Blueprint("status", __name__)


@bp.get("/status/<run_id>")
def show(run_id: str) -> Response:
    """The run, with its result once there; `charts=false` omits pictures, `points` thins curves."""
    with_charts = query_flag("charts", default=True)
    points = query_number("points", 5_000, 2, MOST_POINTS)
    with database().read() as session:
        run = runs.get(session, run_id)
        if run.status != Status.SUCCEEDED:
            return jsonify(_without_result(session, run))
    etag = f"{run.result_hash}-{points}-{with_charts}-{hash_of_notes(run)}"
    if request.if_none_match.contains_weak(etag):
        return Response(status=304, headers={"ETag": f'W/"{etag}"'})
    response = Response(_finished(run, etag, points, with_charts), mimetype="application/json")
    response.set_etag(etag, weak=True)
    return response


def _without_result(session: Session, run: Run) -> dict[str, Any]:
    """A run without a result: how far it is, or why it ended."""
    waiting = {}
    if run.status == Status.PENDING:
        waiting = {"waiting_before": runs.waiting_before(session, run)}
    return described(run) | {"links": links.of_run(run.run_id)} | waiting | _NOTHING_YET


def _key(run: Run, etag: str, _points: int, _with_charts: bool) -> tuple[str, str]:
    return run.run_id, etag


@cached(LRUCache(_KEPT_BYTES, getsizeof=len), key=_key, condition=Condition())
def _finished(run: Run, _etag: str, points: int, with_charts: bool) -> bytes:
    """All of a run that has ended, which never changes under its ETag: written once for all who watch it."""
    with database().read() as session:
        result = require(session, run.run_id)
        trades = results.trades(session, run.run_id, limit=MOST_TRADES)
    curves = decode(result)
    body = described(run) | {"links": links.of_run(run.run_id)} | _result(result, curves, trades, points)
    body["charts"] = charts.of_run(str(run.result_hash), curves, _pnl(run.run_id)) if with_charts else {}
    return jsonify(body).get_data()


_NOTHING_YET: dict[str, Any] = {
    "metrics": None,
    "metric_reasons": {},
    "equity_curve": [],
    "drawdown_curve": [],
    "trades": [],
    "charts": {},
}


def described(run: Run) -> dict[str, Any]:
    """What was asked for and how it went."""
    return {
        "run_id": run.run_id,
        "status": run.status,
        "stage": run.stage,
        "progress": run.progress,
        "error_code": run.error_code,
        "error_message": run.error_message,
        "created_at": _iso(run.created_at),
        "started_at": _iso(run.started_at),
        "completed_at": _iso(run.completed_at),
        "elapsed_seconds": elapsed(run),
        "symbols": run.symbols,
        "rule_type": run.rule_type,
        "params": run.params,
        "start_date": run.start_date.isoformat(),
        "end_date": run.end_date.isoformat(),
        **{field.name: getattr(run, field.name) for field in OPTION_FIELDS},
        "benchmark": run.benchmark,
        "data_hash": run.data_hash,
        "data_hashes": run.data_hashes,
        "engine_version": run.engine_version,
        "image_tag": run.image_tag,
        "result_hash": run.result_hash,
        "workflow_name": run.workflow_name,
        "name": run.name,
        "notes": run.notes,
        "tags": run.tags or [],
        "starred": run.starred,
    }


def elapsed(run: Run) -> float:
    """Seconds from submission to the end, or until now."""
    return max(0.0, ((run.completed_at or now()) - run.created_at).total_seconds())


def trade_json(trade: Trade) -> dict[str, Any]:
    """One trade as JSON."""
    values = {name: getattr(trade, name) for name in results.TRADE_COLUMNS}
    return {"seq": trade.seq} | {
        name: _iso(value) if isinstance(value, datetime) else value for name, value in values.items()
    }


def hash_of_notes(run: Run) -> str:
    """Changes when somebody annotates a finished run."""
    return format(zlib.crc32(repr((run.name, run.notes, run.tags, run.starred)).encode()), "x")


def _result(result: Result, curves: Curves, trades: Sequence[Trade], points: int) -> dict[str, Any]:
    summary = dict(result.summary)
    equity, drawdown = curves.by_name["equity"], curves.by_name["drawdown"]
    chosen = downsample([equity, drawdown], points)
    stamps = curves.times[chosen].astype("datetime64[s]").astype(str)
    days = [stamp.removesuffix("T00:00:00") for stamp in stamps.tolist()]
    return {
        **{name: summary.get(name) for name in _SUMMARY},
        "equity_curve": [
            {"time": day, "equity": value} for day, value in zip(days, equity[chosen].tolist(), strict=True)
        ],
        "drawdown_curve": [
            {"time": day, "drawdown": value}
            for day, value in zip(days, drawdown[chosen].tolist(), strict=True)
        ],
        "curve_bars": len(equity),
        "trades": [trade_json(trade) for trade in trades],
    }


_SUMMARY = (
    "metrics",
    "metric_reasons",
    "first_bar",
    "last_bar",
    "bars",
    "warmup_bars",
    "conventions",
    "funnel",
    "flags",
    "warnings",
    "lookahead",
    "certificate",
    "drawdowns",
    "yearly",
    "monthly",
    "exit_reasons",
    "sides",
)


def _pnl(run_id: str) -> Floats:
    with database().read() as session:
        return results.closed_pnl(session, run_id).pnl


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
