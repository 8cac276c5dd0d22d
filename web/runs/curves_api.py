"""What the charts of a page ask for: curves, prices and trades of a run, thinned for a screen."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from flask import Blueprint, Response, abort, jsonify, request
from numpy.typing import NDArray

from backtest.errors import FieldError, InvalidRequest
from backtest.metrics import Account
from backtest.metrics.periods import rolling
from store.models import Run
from store.queries import results, runs
from web.api.request_parsing import query_number
from web.presentation import charts
from web.presentation.decimation import Floats, Times, as_lists, between
from web.runs.results import Curves, closes, curves_of, require
from web.services import database

STORED = results.CURVES
DERIVED = ("cumulative_return", "benchmark_return", "rolling_sharpe", "price", "trade_pnl")
MOST_MARKERS = 2_000
_EPOCH_LIMIT = 253_402_300_799

bp = Blueprint("curves", __name__, url_prefix="/api/runs/<run_id>")


@bp.get("/curves")
def curves(run_id: str) -> Response:
    """Named curves of a run between two moments, with every peak and trough of them."""
    names = [name for name in request.args.get("names", "equity").split(",") if name]
    unknown = [name for name in names if name not in (*STORED, *DERIVED)]
    if unknown or not names:
        allowed = ", ".join((*STORED, *DERIVED))
        raise InvalidRequest(
            [FieldError("names", f"must be some of {allowed}, got {unknown[:3]}", names[:9])]
        )
    points = query_number("points", 2_000, 10, 20_000)
    first, last = _moment("from"), _moment("to")
    run, stored = _finished(run_id)
    etag = (
        f"{run.result_hash}-{'.'.join(names)}-{first}-{last}-{points}-{request.args.get('symbol', '')[:32]}"
    )
    if request.if_none_match.contains_weak(etag):
        return Response(status=304)
    named = {name: _curve(run, stored, name) for name in names}
    part = between(stored.times, first, last)
    body: dict[str, Any] = {"bars": len(stored.times), "bars_in_range": part.stop - part.start}
    body |= as_lists(stored.times[part], {name: curve[part] for name, curve in named.items()}, points)
    response = jsonify(body)
    response.set_etag(etag, weak=True)
    return response


@bp.get("/markers")
def markers(run_id: str) -> Response:
    """Entries and exits of a symbol, for the price chart; the largest trades where there are very many."""
    _finished(run_id)
    where = {"symbol": request.args.get("symbol", "")[:32]}
    with database().read() as session:
        count = results.count_trades(session, run_id, where=where)
        sort, limit = ("seq", None) if count <= MOST_MARKERS else ("size", MOST_MARKERS)
        trades = results.trades(
            session, run_id, where=where, sort=cast(Any, sort), descending=True, limit=limit
        )
    listed = [
        {
            "seq": trade.seq, "side": trade.side, "entry": int(trade.entry_time.timestamp()),
            "exit": int(trade.exit_time.timestamp()), "entry_fill": trade.entry_fill,
            "exit_fill": trade.exit_fill, "pnl": trade.pnl, "exit_reason": trade.exit_reason,
        }
        for trade in trades
    ]  # fmt: skip
    return jsonify(trades=listed, total=count)


@bp.get("/charts/<name>.png")
def picture(run_id: str, name: str) -> Response:
    """One Matplotlib chart as a PNG, for pages without scripts."""
    run, stored = _finished(run_id)
    with database().read() as session:
        pnl = results.closed_pnl(session, run_id).pnl
    drawn = charts.of_run(str(run.result_hash), stored, pnl)
    if name not in drawn:
        abort(404, f"there is no chart {name[:40]}; there are {', '.join(drawn)}")
    return Response(base64.b64decode(drawn[name]), mimetype="image/png")


def account_of(stored: Curves, summary: Mapping[str, Any], initial_capital: float) -> Account:
    """The account as the rolling figures want it; they read no trades."""
    equity = stored.by_name["equity"].copy()
    equity[0] = initial_capital
    return Account(
        times=stored.times,
        equity=equity,
        trades=cast(Any, None),
        benchmark=stored.by_name["benchmark"],
        risk_free_rate=summary["conventions"]["risk_free_rate"],
        timeframe=summary["timeframe"],
        year=summary["conventions"]["periods_per_year"],
    )


def _finished(run_id: str) -> tuple[Run, Curves]:
    with database().read() as session:
        run = runs.get(session, run_id)
        if run.result_hash is None:
            require(session, run_id)
    return run, curves_of(run_id, str(run.result_hash))


def _curve(run: Run, stored: Curves, name: str) -> Floats:
    if name in STORED:
        return stored.by_name[name]
    if name in ("cumulative_return", "benchmark_return"):
        of = stored.by_name["equity" if name == "cumulative_return" else "benchmark"]
        return of / run.initial_capital - 1
    if name == "rolling_sharpe":
        return _rolling_sharpe(run, stored)
    return _price(run, stored.times) if name == "price" else _trade_pnl(run, stored.times)


def _rolling_sharpe(run: Run, stored: Curves) -> Floats:
    with database().read() as session:
        summary = require(session, run.run_id).summary
    found = rolling(account_of(stored, summary, run.initial_capital))
    return _at(stored.times, found.times, found.sharpe_ratio)


def _price(run: Run, times: Times) -> Floats:
    symbol = request.args.get("symbol") or run.symbols[0]
    data_hash = (run.data_hashes or {}).get(symbol)
    if data_hash is None:
        allowed = ", ".join(run.symbols)
        raise InvalidRequest(
            [FieldError("symbol", f"must be one of {allowed}, got {symbol[:32]!r}", symbol[:32])]
        )
    return _at(times, *closes(data_hash))


def _trade_pnl(run: Run, times: Times) -> Floats:
    """At each bar the profit of the trades that were closed in it, else 0."""
    with database().read() as session:
        closed = results.closed_pnl(session, run.run_id)
    pnl = np.zeros(len(times))
    bars = np.searchsorted(times, closed.times)
    np.add.at(pnl, np.minimum(bars, len(times) - 1), closed.pnl)
    return pnl


def _at(times: Times, known: NDArray[Any], values: Floats) -> Floats:
    """The values at these times; NaN where none is known."""
    places = np.minimum(np.searchsorted(known, times), len(known) - 1)
    return np.where(known[places] == times, values[places], np.nan)


def _moment(name: str) -> np.datetime64 | None:
    seconds = query_number(name, -1, 0, _EPOCH_LIMIT)
    return None if seconds < 0 else np.datetime64(seconds, "s")
