"""Takes prices in: reads the uploaded file, and stores a dataset within the client's quota."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace

from flask import abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, ValidationError
from backtest.prices.dataset import Dataset
from backtest.prices.reading.options import ReadOptions
from store.models import StoredDataset
from store.queries import datasets, quotas
from web.auth.authentication import client
from web.datasets.parser import ParsedFile
from web.services import database, now, services, settings
from workflows.submission import quota_of

_SYMBOL = Field(name="symbol", kind="symbols", label="Symbol", required=True, help="Name of the symbol.")
_BODIES = {
    "text/csv": "upload.csv",
    "application/octet-stream": "upload",
    "application/vnd.apache.parquet": "upload.parquet",
}


def read_upload(*, preview: bool = False) -> ParsedFile:
    """What the request's body or form holds, or an error that names line and field.

    With `preview` the questions that the file leaves open get their likeliest answers.
    """
    content, name, symbol, given = _received()
    return services().parser.parse(
        content,
        preview=preview,
        file=name,
        symbol=symbol,
        default_symbol=_symbol_of_file(name),
        options={option: value for option, value in given.items() if value},
    )


def store_datasets(parsed: ParsedFile) -> list[StoredDataset]:
    """Store each dataset as the current version of its symbol, or none where `QuotaExceeded` is raised."""
    with database().write() as session:
        quota = replace(quota_of(settings()), waiting=0)
        if quota.is_set:
            quotas.spend(session, quotas.account(session, client(), now=now()), quota, now=now())
        return [datasets.add(session, dataset, now=now()) for dataset in parsed.datasets]


def store_dataset(dataset: Dataset) -> StoredDataset:
    """Store one dataset as the current version of its symbol, or raise `QuotaExceeded`."""
    return store_datasets(ParsedFile({}, (dataset,)))[0]


def _received() -> tuple[bytes, str, str | None, dict[str, str]]:
    """Content, file name, symbol and reading options of the request."""
    max_bytes = settings().max_upload_mib << 20
    if request.mimetype in _BODIES:
        return (
            _body(max_bytes),
            _BODIES[request.mimetype],
            _symbol(request.args.get("symbol", "")),
            _options(request.args),
        )
    if request.mimetype != "multipart/form-data":
        abort(415, "send a form with file and symbol, or text/csv or Parquet with ?symbol=")
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InvalidRequest([FieldError("file", "is required: choose a CSV or Parquet file")])
    name = "".join(letter for letter in file.filename if letter.isprintable())[-100:]
    content = file.stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise RequestEntityTooLarge
    return content, name, _symbol(request.form.get("symbol", "")), _options(request.form)


def _symbol_of_file(name: str) -> str | None:
    """The name of the file as a symbol, where it can be one."""
    stem = name.rsplit(".", 1)[0].upper()
    return stem if request.mimetype not in _BODIES and re.fullmatch(r"[A-Z0-9.^=_-]{1,32}", stem) else None


def _options(given: Mapping[str, str]) -> dict[str, str]:
    return {option.name: given.get(option.name, "")[:2_000] for option in fields(ReadOptions)}


def _body(max_bytes: int) -> bytes:
    content = request.get_data()
    if request.content_length is None and len(content) >= max_bytes:
        raise RequestEntityTooLarge  # sent in chunks it is cut at the limit, not refused
    return content


def _symbol(text: str) -> str | None:
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
