"""Prices: what there is, how good it is, and bringing in more."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import InvalidBars, InvalidFile, InvalidRequest
from backtest.prices import quality
from backtest.prices.calendar import trades_weekends
from backtest.prices.yahoo import symbol_at_yahoo
from store.queries import datasets
from web.api import schemas, serializers
from web.api.request_parsing import query_number, query_window
from web.datasets import listing_page
from web.datasets.bars_page import bars_page
from web.datasets.uploads import preview_upload, read_upload, store_datasets
from web.errors import wants_page
from web.presentation.decimation import between
from web.presentation.findings import finding
from web.presentation.svg import overlay
from web.services import database, services
from web.trades import candles as drawn
from web.trades.priced import priced_dataset

bp = Blueprint("datasets", __name__)


@bp.get("/datasets")
def page() -> str:
    """Every symbol with its range and its data-quality report, and the ways to bring in more."""
    return listing_page.render()


@bp.get("/datasets/<data_hash>")
def detail(data_hash: str) -> str:
    """One dataset: its data-quality report and its versions."""
    with database().read() as session:
        stored = datasets.get(session, data_hash)
        dataset = datasets.load(session, data_hash)
        versions = datasets.versions(session, dataset.symbol)
    return render_template(
        "dataset.html",
        dataset=dataset,
        certificate=quality.report_of(dataset),
        versions=versions,
        listed=bars_page(dataset, query_number("page", 1, 1, 100_000)),
        is_deleted=stored.deleted_at is not None,
        at_yahoo=symbol_at_yahoo(stored.symbol, stored.source) if services().yahoo.installed else None,
        finding=finding,
        weekends=trades_weekends(dataset.bars.times),
        drawing=overlay([(dataset.bars.times, dataset.bars.close[:, 0])]),
    )


@bp.get("/api/datasets/<data_hash>/candles")
def candles(data_hash: str) -> Response:
    """Prices of a dataset between two moments as candles."""
    most = query_number("candles", 600, 10, 5_000)
    first, last = query_window()
    prices = priced_dataset(data_hash)
    etag = f"{data_hash}-{first}-{last}-{most}"
    if request.if_none_match.contains_weak(etag):
        return Response(status=304)
    response = jsonify(drawn.candles(prices, between(prices.times, first, last), most))
    response.set_etag(etag, weak=True)
    return response


@bp.post("/datasets")
def upload() -> ResponseReturnValue:
    """Store every symbol of the uploaded file, then show the data-quality report of the only one, or the list."""
    try:
        stored = store_datasets(read_upload())
    except (InvalidRequest, InvalidFile, InvalidBars) as error:
        if wants_page():
            return listing_page.render(error), 400
        raise
    if back := listing_page.back_to_form():
        return redirect(back, 303)
    if len(stored) > 1:
        return redirect(url_for("datasets.page"), 303)
    return redirect(url_for("datasets.detail", data_hash=stored[0].data_hash), 303)


@bp.post("/datasets/preview")
def preview() -> Response:
    """What the file holds and how it is understood, or what is wrong with it by line; nothing is stored."""
    return jsonify(preview_upload())


@bp.get("/api/datasets")
def api_list() -> Response:
    """Every symbol's current dataset."""
    text = request.args.get("q", "")[:32]
    with database().read() as session:
        current = datasets.current(session, text=text, limit=listing_page.MOST_LISTED)
    body: schemas.Datasets = {"datasets": [serializers.dataset(stored) for stored in current]}
    return jsonify(body)


@bp.post("/api/datasets")
def api_upload() -> ResponseReturnValue:
    """Store a CSV or Parquet file, sent as a form with `file`, or as the body; options say how to read it."""
    parsed = read_upload()
    stored = [serializers.dataset(dataset) for dataset in store_datasets(parsed)]
    body: schemas.Upload = {**stored[0], "datasets": stored, "reading": dict(parsed.reading)}
    return jsonify(body), 201
