"""Keeping symbols in order: rename, refresh from Yahoo Finance, delete. Runs keep the prices that they pinned."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError, InvalidRequest
from backtest.prices.yahoo import renamed, symbol_at_yahoo
from store.errors import Conflict
from store.models import StoredDataset
from store.queries import audit, datasets
from store.queries.audit import Action
from web.api import serializers
from web.api.request_parsing import json_object
from web.auth.authentication import actor
from web.datasets.uploads import one_symbol, store_dataset
from web.datasets.yahoo_prices import daily_prices
from web.services import database, now

bp = Blueprint("maintenance", __name__)


@bp.post("/datasets/<data_hash>/rename")
def rename_by_form(data_hash: str) -> ResponseReturnValue:
    """Rename the symbol to that of the form, then show its page."""
    return _shown(_renamed(data_hash, request.form.get("symbol")))


@bp.patch("/api/datasets/<data_hash>")
def rename(data_hash: str) -> Response:
    """Rename the symbol to that of the JSON object."""
    raw = json_object()
    unknown = [
        FieldError(name, "is not a known field; allowed: symbol") for name in sorted(set(raw) - {"symbol"})
    ]
    if unknown:
        raise InvalidRequest(unknown)
    return jsonify(serializers.dataset(_renamed(data_hash, raw.get("symbol"))))


@bp.post("/datasets/<data_hash>/refresh")
def refresh_by_form(data_hash: str) -> ResponseReturnValue:
    """Import the symbol from Yahoo Finance again, then show the new version."""
    return _shown(_refreshed(data_hash))


@bp.post("/api/datasets/<data_hash>/refresh")
def refresh(data_hash: str) -> ResponseReturnValue:
    """Import the symbol from Yahoo Finance again."""
    return jsonify(serializers.dataset(_refreshed(data_hash))), 201


@bp.post("/datasets/<data_hash>/delete")
def delete_by_form(data_hash: str) -> ResponseReturnValue:
    """Delete the symbol, then show the list."""
    _delete(data_hash)
    return redirect(url_for("datasets.page"), 303)


@bp.delete("/api/datasets/<data_hash>")
def delete(data_hash: str) -> ResponseReturnValue:
    """Delete the symbol of this dataset with all its versions."""
    _delete(data_hash)
    return "", 204


def _shown(stored: StoredDataset) -> ResponseReturnValue:
    return redirect(url_for("datasets.detail", data_hash=stored.data_hash), 303)


def _renamed(data_hash: str, raw: object) -> StoredDataset:
    symbol = one_symbol(raw) if isinstance(raw, str) else None
    if symbol is None:
        raise InvalidRequest([FieldError("symbol", "is required: the new name of the symbol")])
    with database().write() as session:
        former = datasets.listed(session, data_hash).symbol
        other = renamed(datasets.load(session, data_hash), symbol)
        stored = datasets.rename(session, data_hash, other, now=now())
        about = {"former": former, "former_hash": data_hash}
        audit.record_dataset(session, actor(), Action.DATASET_RENAME, stored, now=now(), **about)
    return stored


def _refreshed(data_hash: str) -> StoredDataset:
    with database().read() as session:
        stored = datasets.listed(session, data_hash)
    asked = symbol_at_yahoo(stored.symbol, stored.source)
    if asked is None:
        raise Conflict(f"{stored.symbol} comes from {stored.source}, not from Yahoo Finance; upload it again")
    prices = daily_prices(asked, symbol=stored.symbol, source=stored.source)
    return store_dataset(prices, Action.DATASET_REFRESH)


def _delete(data_hash: str) -> None:
    with database().write() as session:
        stored = datasets.listed(session, data_hash)
        count = datasets.delete(session, stored.symbol, now=now())
        audit.record_dataset(session, actor(), Action.DATASET_DELETE, stored, now=now(), versions=count)
