"""What the price chart of a run asks for: candles with the rule's lines, trades in view, one trade, each symbol."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from store.models import Run, Trade
from store.queries import results
from web.api import serializers
from web.api.request_parsing import query_flag, query_number, query_window
from web.presentation.decimation import between
from web.results.stored_curves import Curves, finished_run
from web.services import database
from web.trades import candles as drawn
from web.trades import marks
from web.trades.by_symbol import by_symbol
from web.trades.priced import priced, symbol_of
from web.trades.story import story

_MOST_SEQ: Final = 2**31 - 1

bp = Blueprint("trade_charts", __name__)


@bp.get("/api/runs/<run_id>/candles")
def candles(run_id: str) -> Response:
    """Prices of a symbol between two moments as candles, with the lines of the run's rule."""
    most = query_number("candles", 600, 10, 5_000)
    first, last = query_window()
    run, curves = finished_run(run_id)
    symbol = symbol_of(run, request.args.get("symbol", ""))
    etag = f"{run.result_hash}-{symbol}-{first}-{last}-{most}"
    if request.if_none_match.contains_weak(etag):
        return Response(status=304)
    prices = priced(run, curves, symbol)
    response = jsonify(drawn.candles(prices, between(prices.times, first, last), most))
    response.set_etag(etag, weak=True)
    return response


@bp.get("/api/runs/<run_id>/markers")
def markers(run_id: str) -> Response:
    """Trades of a symbol that were open in a window; how many ended when, where they are more than `most`."""
    most = query_number("most", 2_000, 1, 2_000)
    first, last = query_window()
    run, _ = finished_run(run_id)
    return jsonify(marks.marks(marks.columns_of(run), request.args.get("symbol", "")[:32], first, last, most))


@bp.get("/api/runs/<run_id>/trades/<int:seq>")
def trade(run_id: str, seq: int) -> Response:
    """One trade with what was known when it began and ended."""
    run, curves, found = _trade(run_id, seq)
    told = story(run, curves, priced(run, curves, found.symbol), found)
    return jsonify({"trade": serializers.trade(found)} | told)


@bp.get("/runs/<run_id>/trades/<int:seq>")
def show_trade(run_id: str, seq: int) -> ResponseReturnValue:
    """One trade for people: a page, or the part of one that the price chart shows."""
    run, curves, found = _trade(run_id, seq)
    told = story(run, curves, priced(run, curves, found.symbol), found)
    return _part("result/trade.html", run=run, trade=found, count=_count(run), **told)


@bp.get("/runs/<run_id>/symbols")
def show_symbols(run_id: str) -> ResponseReturnValue:
    """Profit, weight and correlation of each symbol: a page, or the part of one."""
    run, curves = finished_run(run_id)
    return _part("result/symbols.html", run=run, **by_symbol(run, curves))


def _part(template: str, **values: Any) -> str:
    """The part alone with `?part=true`, else a page around it."""
    whole = not query_flag("part", default=False)
    return render_template(template if not whole else "result/part_page.html", part=template, **values)


def _trade(run_id: str, seq: int) -> tuple[Run, Curves, Trade]:
    run, curves = finished_run(run_id)
    with database().read() as session:
        found = results.trade(session, run_id, seq) if seq <= _MOST_SEQ else None
    if found is None:
        abort(404, f"run {run_id} has no trade {seq}; it has {_count(run)}, counted from 0")
    return run, curves, found


def _count(run: Run) -> int:
    return int((run.metrics or {}).get("num_trades") or 0)
