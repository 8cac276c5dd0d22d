"""The paths of the OpenAPI description that are about prices."""

from __future__ import annotations

from functools import partial

from backtest.prices.reading.options import CHOICES, HELP
from web.api import chart_schemas, schemas
from web.api.operations import (
    Operation,
    choice,
    json_body,
    operation,
    query,
    required,
    text,
    whole,
)
from web.api.request_parsing import FIRST_SECOND, LAST_SECOND

_prices = partial(operation, "prices")
_PARQUET = "application/vnd.apache.parquet"
_SECONDS = whole(FIRST_SECOND, LAST_SECOND)
_SYMBOL = query("symbol", text(32), "Name of the symbol; without it the ticker in the file.")
_READING = tuple(
    query(
        name,
        choice(*CHOICES[name]) if name in CHOICES else text(2_000),
        f"How to read the file: {described}.",
    )
    for name, described in HELP.items()
)
_SEARCH = query("q", text(32), "Part of the name.")
_LIMIT = query("limit", whole(1, 1_000), "Maximum number of results.")
_PRICE_FILE = {
    "text/csv": {"schema": {"type": "string"}},
    _PARQUET: {"schema": {"type": "string", "format": "binary"}},
}
_YAHOO_SYMBOL = {
    "type": "object",
    "properties": {"symbol": {"type": "string", "pattern": "^[A-Z0-9^][A-Z0-9.^=_-]{0,31}$"}},
    "required": ["symbol"],
    "additionalProperties": False,
}
_SPLIT = {
    "type": "object",
    "properties": {
        "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2})?$"},
        "ratio": {"type": "string", "pattern": r"^\d{1,4}:\d{1,4}$"},
    },
    "required": ["date", "ratio"],
    "additionalProperties": False,
}
_RENAME = {
    "type": "object",
    "properties": {"symbol": {"type": "string", "minLength": 1, "maxLength": 32}},
    "required": ["symbol"],
    "additionalProperties": False,
}
_DATA_HASH = required("data_hash", "path", text(64))
_CANDLES = (
    query("from", _SECONDS, "Seconds since 1970."),
    query("to", _SECONDS, "Seconds since 1970."),
    query("candles", whole(10, 5_000), "Largest number of candles returned."),
)

PRICES: dict[str, dict[str, Operation]] = {
    "/api/symbols": {
        "get": _prices("Symbols with prices", {200: schemas.Symbols}, (400,), parameters=[_SEARCH, _LIMIT])
    },
    "/api/datasets": {
        "get": _prices(
            "Datasets with their data-quality reports", {200: schemas.Datasets}, parameters=[_SEARCH]
        ),
        "post": _prices(
            "Upload prices",
            {201: schemas.Upload},
            (400, 413, 415, 429, 503),
            parameters=[_SYMBOL, *_READING],
            body=_PRICE_FILE,
        ),
    },
    "/api/datasets/yahoo": {
        "post": _prices(
            "Import daily prices from Yahoo Finance",
            {201: schemas.Dataset},
            (400, 413, 415, 429, 501, 503),
            body=json_body(_YAHOO_SYMBOL),
        )
    },
    "/api/datasets/{data_hash}": {
        "patch": _prices(
            "Rename a symbol; runs keep the prices they pinned, under its former name",
            {200: schemas.Dataset},
            (400, 404, 409, 413, 415),
            parameters=[_DATA_HASH],
            body=json_body(_RENAME),
        ),
        "delete": _prices(
            "Delete the symbol of a dataset with all its versions; runs keep the prices they pinned",
            {204: None},
            (404, 409),
            parameters=[_DATA_HASH],
        ),
    },
    "/api/datasets/{data_hash}/candles": {
        "get": _prices(
            "Prices of a dataset as candles; each has the highest and the lowest price of its bars",
            {200: chart_schemas.Candles, 304: None},
            (400, 404),
            parameters=[_DATA_HASH, *_CANDLES],
        )
    },
    "/api/datasets/{data_hash}/refresh": {
        "post": _prices(
            "Import a symbol from Yahoo Finance again; the new version becomes the current one",
            {201: schemas.Dataset},
            (400, 404, 409, 429, 501, 503),
            parameters=[_DATA_HASH],
        )
    },
    "/api/datasets/{data_hash}/splits": {
        "post": _prices(
            "Apply a split that the prices are not adjusted for; the new version becomes the current one",
            {201: schemas.Dataset},
            (400, 404, 409, 413, 415, 429),
            parameters=[_DATA_HASH],
            body=json_body(_SPLIT),
        )
    },
}
