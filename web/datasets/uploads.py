"""Takes prices in: reads the uploaded file, and stores a dataset within the client's quota."""

from __future__ import annotations

from dataclasses import replace

from flask import abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError
from backtest.prices.dataset import Dataset
from backtest.prices.price_file import parse_file
from store.models import StoredDataset
from store.queries import audit, datasets, quotas
from store.queries.audit import Action
from web.auth.authentication import actor, client
from web.services import database, now, settings
from workflows.submission import quota_of

_SYMBOL = Field(name="symbol", kind="symbols", label="Symbol", required=True, help="Name of the symbol.")
_BODIES = {
    "text/csv": "upload.csv",
    "application/octet-stream": "upload",
    "application/vnd.apache.parquet": "upload.parquet",
}


def read_upload() -> Dataset:
    """The dataset in the request's body or form, or an error that names line and field."""
    max_mib = settings().max_upload_mib
    if request.mimetype in _BODIES:
        symbol = _symbol(request.args.get("symbol", ""))
        name = _BODIES[request.mimetype]
        return parse_file(_body(max_mib << 20), file=name, symbol=symbol, max_mib=max_mib)
    if request.mimetype != "multipart/form-data":
        abort(415, "send a form with file and symbol, or text/csv or Parquet with ?symbol=")
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidRequest([FieldError("file", "is required: choose a CSV or Parquet file")])
    name = "".join(letter for letter in file.filename if letter.isprintable())[-100:]
    symbol = _symbol(request.form.get("symbol") or name.rsplit(".", 1)[0].upper())
    return parse_file(file.stream, file=name, symbol=symbol, max_mib=max_mib)


def store_dataset(dataset: Dataset, action: Action = Action.DATASET_UPLOAD) -> StoredDataset:
    """Store the dataset as the current version of its symbol, or raise `QuotaExceeded`."""
    with database().write() as session:
        quotas.spend_one(session, client(), replace(quota_of(settings()), waiting=0), now=now())
        stored = datasets.add(session, dataset, now=now())
        audit.record_dataset(session, actor(), action, stored, now=now())
        return stored


def _body(max_bytes: int) -> bytes:
    content = request.get_data()
    if request.content_length is None and len(content) >= max_bytes:
        raise RequestEntityTooLarge  # sent in chunks it is cut at the limit, not refused
    return content


def _symbol(text: str) -> str:
    try:
        names = _SYMBOL.parse(text.strip())
    except ValidationError as error:
        raise InvalidRequest([FieldError("symbol", str(error), text[:80])]) from None
    if not isinstance(names, tuple) or len(names) != 1:
        raise InvalidRequest([FieldError("symbol", "must be one symbol", text[:80])])
    return names[0]
