"""Prices: what there is, how good it is, and bringing in more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from backtest.errors import FieldError, InvalidBars, InvalidFile, InvalidRequest
from backtest.fields import Field, ValidationError
from backtest.metrics.calendar import stamp
from backtest.prices import quality
from backtest.prices.dataset import Dataset
from backtest.prices.price_file import parse_file
from store.models import StoredDataset
from store.queries import datasets, quotas
from web.api.views import symbol_json
from web.auth.authentication import client
from web.errors import wants_page
from web.presentation.svg import overlay
from web.services import database, now, services, settings
from workflows.submission import quota_of

SYMBOL = Field(name="symbol", kind="symbols", label="Symbol", required=True, help="Name of the symbol.")
_PREVIEWED = 5
_LISTED = 1_000
_BODIES = {
    "text/csv": "upload.csv",
    "application/octet-stream": "upload",
    "application/vnd.apache.parquet": "upload.parquet",
}

bp = Blueprint("datasets", __name__)


@bp.get("/datasets")
def page() -> str:
    """Every symbol with its range and what its certificate found, and the ways to bring in more."""
    return show_page()


@bp.get("/datasets/<data_hash>")
def detail(data_hash: str) -> str:
    """One dataset: its certificate and its versions."""
    with database().read() as session:
        dataset = datasets.load(session, data_hash)
        versions = datasets.versions(session, dataset.symbol)
    return render_template(
        "dataset.html",
        dataset=dataset,
        certificate=_certificate(dataset),
        versions=versions,
        drawing=overlay([(dataset.bars.times, dataset.bars.close[:, 0])]),
    )


@bp.post("/datasets")
def upload() -> ResponseReturnValue:
    """Take in the uploaded file, then show its certificate."""
    try:
        dataset = _received()
    except (InvalidRequest, InvalidFile, InvalidBars) as error:
        if wants_page():
            return show_page(error), 400
        raise
    return redirect(url_for("datasets.detail", data_hash=keep(dataset).data_hash), 303)


@bp.post("/datasets/preview")
def preview() -> Response:
    """What the file holds, or what is wrong with it by line; nothing is kept."""
    dataset = _received()
    bars = dataset.bars
    places = [*range(min(_PREVIEWED, len(bars)))]
    rows = [
        {
            "time": stamp(bars.times[place]),
            **{
                name: float(getattr(bars, name)[place, 0])
                for name in ("open", "high", "low", "close", "volume")
            },
        }
        for place in places
    ]
    return jsonify(
        symbol=dataset.symbol,
        bars=len(bars),
        timeframe=dataset.timeframe,
        first_bar=stamp(bars.times[0]),
        last_bar=stamp(bars.times[-1]),
        rows=rows,
        certificate=_certificate(dataset),
    )


@bp.get("/api/datasets")
def api_list() -> Response:
    """Every symbol's current dataset."""
    with database().read() as session:
        found = datasets.current(session, text=request.args.get("q", "")[:32], limit=_LISTED)
    return jsonify(datasets=[symbol_json(stored) | {"certificate": stored.certificate} for stored in found])


@bp.post("/api/datasets")
def api_upload() -> ResponseReturnValue:
    """Take in a CSV or Parquet file, as a form with `file` and `symbol`, or as the body with `?symbol=`."""
    stored = keep(_received())
    return jsonify(symbol_json(stored) | {"certificate": stored.certificate}), 201


def show_page(error: Exception | None = None, *, form: str = "upload") -> str:
    """The page of all datasets, with what was wrong beside the form that it came from."""
    with database().read() as session:
        stored = datasets.current(session, limit=_LISTED)
    return render_template(
        "datasets.html", datasets=stored, error=error, wrong_form=form, typed=request.form,
        largest=settings().max_upload_mib, yahoo_installed=services().yahoo.installed,
    )  # fmt: skip


def keep(dataset: Dataset) -> StoredDataset:
    """Keep the dataset, with its certificate, as the current version of its symbol."""
    with database().write() as session:
        share = replace(quota_of(settings()), waiting=0)
        if share.is_set:
            quotas.spend(session, quotas.account(session, client(), now=now()), share, now=now())
        return datasets.add(session, dataset, now=now())


def _certificate(dataset: Dataset) -> dict[str, Any]:
    return quality.inspect_bars(dataset.bars)[0].as_json()


def _received() -> Dataset:
    largest = settings().max_upload_mib
    if request.mimetype in _BODIES:
        symbol = _symbol(request.args.get("symbol", ""))
        return parse_file(
            _body(largest << 20), file=_BODIES[request.mimetype], symbol=symbol, max_mib=largest
        )
    if request.mimetype != "multipart/form-data":
        abort(415, "send a form with file and symbol, or text/csv or Parquet with ?symbol=")
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidRequest([FieldError("file", "is required: choose a CSV or Parquet file")])
    name = "".join(letter for letter in file.filename if letter.isprintable())[-100:]
    symbol = _symbol(request.form.get("symbol") or name.rsplit(".", 1)[0].upper())
    return parse_file(file.stream, file=name, symbol=symbol, max_mib=largest)


def _body(largest: int) -> bytes:
    content = request.get_data()
    if request.content_length is None and len(content) >= largest:
        raise RequestEntityTooLarge  # sent in chunks it is cut at the limit, not refused
    return content


def _symbol(text: str) -> str:
    try:
        names = SYMBOL.parse(text.strip())
    except ValidationError as error:
        raise InvalidRequest([FieldError("symbol", str(error), text[:80])]) from None
    if not isinstance(names, tuple) or len(names) != 1:
        raise InvalidRequest([FieldError("symbol", "must be one symbol", text[:80])])
    return names[0]
