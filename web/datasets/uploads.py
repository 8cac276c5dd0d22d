"""Takes prices in: reads the uploaded file, and stores a dataset within the client's quota."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from flask import abort, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError
from backtest.prices.dataset import Dataset
from backtest.prices.reading.options import ReadOptions
from backtest.prices.symbols import symbol_of_file
from store.models import StoredDataset
from store.queries import audit, datasets
from store.queries.audit import Action
from web import quota
from web.auth.authentication import actor
from web.services import database, now, services, settings
from workflows.parsing.parser import FileQuestion, ParsedFile

_SYMBOL = Field(name="symbol", kind="symbols", label="Symbol", required=True, help="Name of the symbol.")
_BODIES = {
    "text/csv": "upload.csv",
    "application/octet-stream": "upload",
    "application/vnd.apache.parquet": "upload.parquet",
}


def read_upload() -> ParsedFile:
    """What the request's body or form holds, or an error that names line and field."""
    content, about = _received()
    return services().parser.parse(content, about)


def preview_upload() -> Mapping[str, Any]:
    """The same without the prices: questions that the file leaves open get their likeliest answers."""
    content, about = _received()
    return services().parser.preview(content, about)


def store_datasets(parsed: ParsedFile, action: Action = Action.DATASET_UPLOAD) -> list[StoredDataset]:
    """Store each dataset as the current version of its symbol, or none where `QuotaExceeded` is raised."""
    with database().write() as session:
        quota.spend(session)
        return [_stored(session, dataset, action) for dataset in parsed.datasets]


def store_dataset(dataset: Dataset, action: Action) -> StoredDataset:
    """Store one dataset as the current version of its symbol, or raise `QuotaExceeded`."""
    return store_datasets(ParsedFile({}, (dataset,)), action)[0]


def _stored(session: Session, dataset: Dataset, action: Action) -> StoredDataset:
    stored = datasets.add(session, dataset, now=now())
    audit.record_dataset(session, actor(), action, stored, now=now())
    return stored


def _received() -> tuple[bytes, FileQuestion]:
    """Content of the file, and how the request wants it read."""
    max_bytes = settings().max_upload_mib << 20
    if request.mimetype in _BODIES:
        return _body(max_bytes), _question(_BODIES[request.mimetype], request.args)
    if request.mimetype != "multipart/form-data":
        abort(415, "send a form with file and symbol, or text/csv or Parquet with ?symbol=")
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidRequest([FieldError("file", "is required: choose a CSV or Parquet file")])
    name = "".join(letter for letter in file.filename if letter.isprintable())[-100:]
    content = file.stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise RequestEntityTooLarge
    return content, _question(name, request.form, default_symbol=symbol_of_file(name))


def _question(name: str, given: Mapping[str, str], *, default_symbol: str | None = None) -> FileQuestion:
    options = {option.name: given.get(option.name, "")[:2_000] for option in fields(ReadOptions)}
    return FileQuestion(
        file=name,
        symbol=one_symbol(given.get("symbol", "")),
        default_symbol=default_symbol,
        options={option: value for option, value in options.items() if value},
    )


def _body(max_bytes: int) -> bytes:
    content = request.get_data()
    if request.content_length is None and len(content) >= max_bytes:
        raise RequestEntityTooLarge  # sent in chunks it is cut at the limit, not refused
    return content


def one_symbol(text: str) -> str | None:
    """The symbol that the client names; None where it leaves the file's own."""
    if not text.strip():
        return None
    try:
        names = _SYMBOL.parse(text.strip())
    except ValidationError as error:
        raise InvalidRequest([FieldError("symbol", str(error), text[:80])]) from None
    if not isinstance(names, tuple) or len(names) != 1:
        raise InvalidRequest([FieldError("symbol", "must be one symbol", text[:80])])
    return names[0]
