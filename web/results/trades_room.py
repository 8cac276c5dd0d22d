"""What the room of the trades shows: a page of them, sorted and filtered, and the price that they were made at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from flask import request, url_for

from store.models import Result, Run, Trade
from store.queries import results
from web.api.request_parsing import query_choice, query_number
from web.services import database

TRADES_ON_PAGE = 100
TRADE_SORTS = ("seq", "entry_time", "exit_time", "pnl", "pnl_pct", "bars_held", "size", "symbol")


def values(run: Run, result: Result) -> dict[str, Any]:
    """What the template needs."""
    where = {name: request.args.get(name, "")[:32] for name in ("symbol", "side", "exit_reason")}
    where["outcome"] = query_choice("outcome", "", ("", "won", "lost"))
    sort: Any = query_choice("sort", "seq", TRADE_SORTS)
    descending = query_choice("order", "asc", ("asc", "desc")) == "desc"
    page = query_number("page", 1, 1, 1_000_000)
    with database().read() as session:
        total = results.count_trades(session, run.run_id, where=where)
        trades: Sequence[Trade] = results.trades(
            session, run.run_id, sort=sort, descending=descending, where=where,
            offset=(page - 1) * TRADES_ON_PAGE, limit=TRADES_ON_PAGE,
        )  # fmt: skip

    def address(**changes: Any) -> str:
        query: dict[str, Any] = {name: value for name, value in where.items() if value}
        query |= {"sort": sort, "order": "desc" if descending else "asc"} | changes
        return url_for("result_page.show", run_id=run.run_id, tab="trades", **query)

    def sort_link(name: str) -> dict[str, str]:
        state = ("descending" if descending else "ascending") if name == sort else "none"
        order = "desc" if name != sort or not descending else "asc"
        return {"href": address(sort=name, order=order), "state": state}

    return {
        "trades": trades, "total": total, "page": page, "pages": max(1, ceil(total / TRADES_ON_PAGE)),
        "where": where, "address": address, "sort_link": sort_link, "symbol": _charted(run, where),
    }  # fmt: skip


def _charted(run: Run, where: Mapping[str, str]) -> str:
    """The symbol whose price is drawn: the one that the trades are filtered by, or the first."""
    return where["symbol"] if where["symbol"] in run.symbols else run.symbols[0]
