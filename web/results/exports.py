"""Exports of a run: tables, everything as JSON, and a report in one file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from flask import Blueprint, Response, abort, jsonify, request, stream_with_context

from backtest.arrays import Floats, Times
from backtest.run import result_tables
from store.queries import results, runs
from web.api import schemas, serializers
from web.ledger import figure as tried
from web.presentation.spreadsheet import harmless
from web.results import report as reports
from web.results.stored_curves import Curves, curves_of, require
from web.services import database

_ROWS_AT_ONCE = 2_000

bp = Blueprint("exports", __name__, url_prefix="/runs/<run_id>")


@bp.get("/trades.csv")
def trades_csv(run_id: str) -> Response:
    """Every trade, one row each; `seq` counts from 0 as everywhere, `number` from 1 as on the page."""
    with database().read() as session:
        require(session, run_id)
    names = ("seq", *result_tables.TRADE_COLUMNS)
    return _table(f"trades-{run_id}.csv", (*names, "number"), _trade_rows(run_id, names))


@bp.get("/equity.csv")
def equity_csv(run_id: str) -> Response:
    """Every bar's curves, one row each."""
    with database().read() as session:
        result_hash = require(session, run_id).summary["result_hash"]
    curves = curves_of(run_id, result_hash)
    return _table(f"equity-{run_id}.csv", ("time", *result_tables.CURVES), _curve_rows(curves))


@bp.get("/equity.parquet")
def equity_parquet(run_id: str) -> Response:
    """Every bar's curves as Parquet."""
    import pyarrow as pa  # costs start-up time, and few ask for it
    import pyarrow.parquet as pq

    with database().read() as session:
        result_hash = require(session, run_id).summary["result_hash"]
    curves = curves_of(run_id, result_hash)
    buffer = io.BytesIO()
    pq.write_table(
        pa.table(
            {
                "time": pa.array(curves.times),
                **{name: pa.array(curve) for name, curve in curves.by_name.items()},
            }
        ),
        buffer,
    )
    return _file(buffer.getvalue(), f"equity-{run_id}.parquet", "application/vnd.apache.parquet")


@bp.get("/result.json")
def result_json(run_id: str) -> Response:
    """The request, every metric, every trade; the curves are in equity.csv."""
    with database().read() as session:
        result = require(session, run_id)
        run = runs.get(session, run_id)
        body: schemas.Result = {
            "run": serializers.run_details(run),
            "result": result.summary,
            "trades": [serializers.trade(trade) for trade in results.trades(session, run_id)],
            "ledger": tried.of_result(session, run, result),
        }
    response = jsonify(body)
    response.headers["Content-Disposition"] = f'attachment; filename="result-{run_id}.json"'
    return response


@bp.get("/report.html")
def report(run_id: str) -> Response:
    """The whole result as one self-contained file that prints well."""
    page = reports.render(run_id)
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = reports.policy()
    if request.args.get("download") == "true":
        response.headers["Content-Disposition"] = f'attachment; filename="{reports.file_name(run_id)}"'
    return response


def _curve_rows(curves: Curves) -> Iterator[tuple[Any, ...]]:
    """Rows by the thousand, as trades are: a client that reads slowly holds no text of all bars.

    The curves are read before the answer begins.
    """
    return _rows_of(curves.times, list(curves.by_name.values()))


def _rows_of(times: Times, columns: Sequence[Floats]) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(times), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        stamps = np.datetime_as_string(times[part], unit="s")
        yield from zip(stamps, *(column[part].tolist() for column in columns), strict=True)


def _trade_rows(run_id: str, names: Sequence[str]) -> Iterator[list[Any]]:
    """Rows by the thousand, so that millions of trades need little memory."""
    offset = 0
    while True:
        with database().read() as session:
            part = results.trades(session, run_id, offset=offset, limit=_ROWS_AT_ONCE)
        for trade in part:
            yield [*(_cell(getattr(trade, name)) for name in names), trade.seq + 1]
        offset += len(part)
        if len(part) < _ROWS_AT_ONCE:
            return


def _cell(value: Any) -> Any:
    """A value for a spreadsheet: no text from a client becomes a formula."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S")
    return harmless(value)


def _table(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(header)
        for number, row in enumerate(rows, start=1):
            writer.writerow(row)
            if number % _ROWS_AT_ONCE == 0:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()

    response = Response(stream_with_context(lines()), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _file(content: bytes, name: str, mimetype: str) -> Response:
    if not content:
        abort(404)
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
