"""Every trial of a study as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from flask import Blueprint, Response, request, stream_with_context

from backtest.studies.objective import FIGURES
from store.queries.studies import studies
from web.presentation.spreadsheet import harmless
from web.services import database
from web.studies import shown
from web.studies.shown import Shown

_ROWS_AT_ONCE: Final = 2_000

bp = Blueprint("study_exports", __name__, url_prefix="/studies/<study_id>")


@bp.get("/trials.csv")
def trials_csv(study_id: str) -> Response:
    """Every known trial, one row each."""
    table = _table(study_id)
    response = Response(stream_with_context(_lines(table)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="trials-{study_id}.csv"'
    return response


@bp.get("/trials.parquet")
def trials_parquet(study_id: str) -> Response:
    """Every known trial as Parquet."""
    import pyarrow as pa  # costs start-up time, and few ask for it
    import pyarrow.parquet as pq

    table = _table(study_id)
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(values) for name, values in _columns(table).items()}), buffer)
    response = Response(buffer.getvalue(), mimetype="application/vnd.apache.parquet")
    response.headers["Content-Disposition"] = f'attachment; filename="trials-{study_id}.parquet"'
    return response


def _table(study_id: str) -> Shown:
    with database().read() as session:
        return shown.read(session, studies.get(session, study_id), request.args.get("symbol", ""))


def _columns(table: Shown) -> dict[str, Any]:
    """The columns of the known trials; an undefined figure is empty."""
    known = np.flatnonzero(table.known)
    figures = {name: table.figures[name][known] for name in FIGURES}
    return {
        "trial": known,
        **{name: values[known] for name, values in table.params.items()},
        **figures,
        "objective": table.objective[known],
        "eligible": table.eligible[known],
    }


def _lines(table: Shown) -> Iterator[str]:
    columns = _columns(table)
    yield ",".join(columns) + "\n"
    for first in range(0, len(columns["trial"]), _ROWS_AT_ONCE):
        parts = [values[first : first + _ROWS_AT_ONCE].tolist() for values in columns.values()]
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerows([_cell(value) for value in row] for row in zip(*parts, strict=True))
        yield buffer.getvalue()


def _cell(value: Any) -> Any:
    """Empty for what is undefined; no text of a client becomes a formula."""
    return "" if value is None or (isinstance(value, float) and value != value) else harmless(value)
