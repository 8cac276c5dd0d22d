"""Bringing in prices from Yahoo Finance, by symbol."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import FieldError, InvalidBars, InvalidFile, InvalidRequest
from store.models import StoredDataset
from store.queries.audit import Action
from web.api import serializers
from web.api.request_parsing import json_object
from web.datasets import listing_page
from web.datasets.uploads import store_dataset
from web.datasets.yahoo import YahooError, YahooNotInstalled, YahooUnavailable
from web.datasets.yahoo_prices import daily_prices
from web.errors import wants_page

_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=_-]{0,31}")

bp = Blueprint("yahoo_import", __name__)


@bp.post("/datasets/yahoo")
def by_form() -> ResponseReturnValue:
    """Import the symbol that the form names, then show its data-quality report; or the page with the reason."""
    try:
        stored = _imported(request.form.get("yahoo_symbol", ""))
    except (InvalidRequest, InvalidFile, InvalidBars, YahooError) as error:
        if wants_page():
            return listing_page.render(error, form="yahoo"), _status(error)
        raise
    shown = url_for("datasets.detail", data_hash=stored.data_hash)
    return redirect(listing_page.back_to_form() or shown, 303)


@bp.post("/api/datasets/yahoo")
def by_json() -> ResponseReturnValue:
    """Import the symbol of the JSON object."""
    raw: dict[str, Any] = json_object()
    unknown = [
        FieldError(name, "is not a known field; allowed: symbol") for name in sorted(set(raw) - {"symbol"})
    ]
    if unknown:
        raise InvalidRequest(unknown)
    return jsonify(serializers.dataset(_imported(raw.get("symbol")))), 201


def _imported(raw: object) -> StoredDataset:
    symbol = raw.strip().upper() if isinstance(raw, str) else ""
    if not _SYMBOL.fullmatch(symbol):
        message = "must be a Yahoo symbol: 1 to 32 letters, digits or any of . ^ = _ -"
        raise InvalidRequest([FieldError("symbol", message, raw if raw is None else str(raw)[:80])])
    return store_dataset(daily_prices(symbol), Action.DATASET_IMPORT)


def _status(error: Exception) -> int:
    if isinstance(error, YahooNotInstalled):
        return 501
    return 503 if isinstance(error, YahooUnavailable) else 400
