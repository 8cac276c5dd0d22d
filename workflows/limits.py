"""How large one run may be, checked before anything large is done for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backtest.errors import FieldError
from backtest.run.request import REQUEST_FIELDS, RunRequest
from config.settings import RequestLimits
from store.models import StoredDataset
from workflows.errors import LimitExceeded

_MOST_UNKNOWN_FIELDS = 20
"""A request has that many fields too many before they are no longer reported one by one."""


def read(raw: object, limits: RequestLimits) -> RunRequest:
    """The request, or `InvalidRequest`; `LimitExceeded` before its many parts are looked at one by one."""
    if isinstance(raw, Mapping):
        check_size(raw, limits, fields=len(REQUEST_FIELDS))
    return RunRequest.parse(raw)


def check_size(raw: Mapping[str, Any], limits: RequestLimits, *, fields: int) -> None:
    """Raise `LimitExceeded` where a request, of which `fields` are known, has too many parts."""
    errors = list(_too_many(raw, limits, fields + _MOST_UNKNOWN_FIELDS))
    if errors:
        raise LimitExceeded(errors)


def check_bars(datasets: Iterable[StoredDataset], limits: RequestLimits) -> None:
    """Raise `LimitExceeded` where the prices that a run reads are too many; reads none of them."""
    bars = sum(dataset.bars for dataset in datasets)
    if bars > limits.bars:
        message = (
            f"have {bars:,} bars in total, at most {limits.bars:,} are allowed per run; choose fewer symbols"
        )
        raise LimitExceeded([FieldError("symbols", message, bars)])


def _too_many(raw: Mapping[str, Any], limits: RequestLimits, most_fields: int) -> Iterable[FieldError]:
    for field, count, most, noun in (
        ("", len(raw), most_fields, "fields"),
        ("symbols", _count(raw.get("symbols")), limits.symbols, "symbols"),
        ("params", _count(raw.get("params")), limits.params, "parameters"),
    ):
        if count > most:
            yield FieldError(field, f"must have at most {most} {noun}, got {count}", count)


def _count(value: object) -> int:
    if isinstance(value, str):
        return value.count(",") + 1
    return len(value) if isinstance(value, list | tuple | Mapping) else 0
