"""The shapes of answers, as JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from backtest.run.request import OPTION_FIELDS
from store.models import Status

PROBLEM: Final = "Problem"
SAID: Final[Mapping[int, str]] = {
    200: "Done",
    201: "Kept",
    202: "Queued; `links` says where to watch",
    204: "Gone",
    304: "Not changed since",
    400: "Something in the request is wrong; `errors` names each field",
    401: "Nobody is signed in, or the token is not valid",
    403: "The scope is not enough, or another site sent it",
    404: "There is no such thing",
    409: "It cannot be done in this state",
    413: "Too large",
    415: "Not of a kind that is read here",
    422: "More than one run may ask for; `errors` names the field and what is allowed",
    429: "More than one client may submit; Retry-After says when to come back",
    501: "An optional package is missing here",
    503: "Not able to serve at the moment",
}

_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_NUMBER: dict[str, Any] = {"type": "number"}
_NUMBER_OR_NULL: dict[str, Any] = {"type": ["number", "null"]}
_WHOLE: dict[str, Any] = {"type": "integer"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_ANY_OBJECT: dict[str, Any] = {"type": "object"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
_MOMENT_OR_NULL: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
_DAY: dict[str, Any] = {"type": "string", "format": "date"}
_STATUS: dict[str, Any] = {"type": "string", "enum": [str(status) for status in Status]}
_FIGURES: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": _NUMBER_OR_NULL}


def ref(name: str) -> dict[str, Any]:
    """A reference to one of the shapes."""
    return {"$ref": f"#/components/schemas/{name}"}


def _shape(properties: Mapping[str, Any], *, optional: Iterable[str] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in set(optional)]
    return {"type": "object", "properties": dict(properties), "required": required}


def _list_of(name: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    return _shape({name: {"type": "array", "items": shape}})


_BRIEF = {
    "run_id": _TEXT,
    "status": _STATUS,
    "stage": _TEXT,
    "progress": {"type": "number", "minimum": 0, "maximum": 1},
    "error_code": _TEXT_OR_NULL,
    "error_message": _TEXT_OR_NULL,
    "created_at": _MOMENT,
    "started_at": _MOMENT_OR_NULL,
    "completed_at": _MOMENT_OR_NULL,
    "symbols": _TEXTS,
    "rule_type": _TEXT,
    "params": _ANY_OBJECT,
    "start_date": _DAY,
    "end_date": _DAY,
    "name": _TEXT_OR_NULL,
    "tags": _TEXTS,
    "starred": _FLAG,
}
_CONFIG = {
    field.name: {name: value for name, value in field.schema().items() if name in ("type", "description")}
    for field in OPTION_FIELDS
} | {"benchmark": {"type": ["string", "null"]}}
_RUN = (
    _BRIEF
    | _CONFIG
    | {
        "elapsed_seconds": _NUMBER,
        "data_hash": _TEXT_OR_NULL,
        "data_hashes": {"type": ["object", "null"]},
        "engine_version": {"type": ["integer", "null"]},
        "image_tag": _TEXT_OR_NULL,
        "result_hash": _TEXT_OR_NULL,
        "workflow_name": _TEXT_OR_NULL,
        "notes": _TEXT_OR_NULL,
        "links": _ANY_OBJECT,
        "metrics": _FIGURES,
        "waiting_before": _WHOLE,
    }
)
_TRADE = {
    "seq": _WHOLE,
    "symbol": _TEXT,
    "side": _TEXT,
    "size": _NUMBER,
    "entry_time": _MOMENT,
    "exit_time": _MOMENT,
    "entry_price": _NUMBER,
    "entry_fill": _NUMBER,
    "exit_price": _NUMBER,
    "exit_fill": _NUMBER,
    "entry_fee": _NUMBER,
    "exit_fee": _NUMBER,
    "slippage": _NUMBER,
    "borrow": _NUMBER,
    "pnl": _NUMBER,
    "pnl_pct": _NUMBER,
    "bars_held": _WHOLE,
    "mae_pct": _NUMBER,
    "mfe_pct": _NUMBER,
    "exit_reason": _TEXT,
}
_SYMBOL = {
    "symbol": _TEXT,
    "first_bar": _DAY,
    "last_bar": _DAY,
    "bars": _WHOLE,
    "timeframe": _TEXT,
    "source": _TEXT,
    "data_hash": _TEXT,
}
_DATASET = _SYMBOL | {"certificate": {"type": ["object", "null"]}}
_PRESET = {"id": _WHOLE, "name": _TEXT, "request": _ANY_OBJECT, "created_at": _MOMENT, "updated_at": _MOMENT}
_ERROR = {"field": _TEXT, "message": _TEXT, "value": {}}
_VERIFICATION = {
    "run_id": _TEXT,
    "identical": _FLAG,
    "message": _TEXT,
    "stored_result_hash": _TEXT_OR_NULL,
    "computed_result_hash": _TEXT,
    "data_hash": _TEXT_OR_NULL,
    "stored_engine_version": {"type": ["integer", "null"]},
    "engine_version": _WHOLE,
    "image_tag": _TEXT_OR_NULL,
    "first_difference": _TEXT_OR_NULL,
}


def _curve(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _shape({"time": _TEXT, name: _NUMBER})}


def _status() -> dict[str, Any]:
    found = {
        "metric_reasons": _ANY_OBJECT,
        "equity_curve": _curve("equity"),
        "drawdown_curve": _curve("drawdown"),
        "trades": {"type": "array", "items": ref("Trade")},
        "charts": {"type": "object", "additionalProperties": {"type": "string", "contentEncoding": "base64"}},
    }
    return _shape(_RUN | found, optional=("waiting_before",))


def _check() -> dict[str, Any]:
    plan = {"bars": _WHOLE, "warmup_bars": _WHOLE, "first_bar": _DAY, "last_bar": _DAY, "seconds": _NUMBER}
    found = {"ok": _FLAG, "errors": {"type": "array", "items": ref("FieldError")}, **plan}
    return _shape(found, optional=("errors", *plan))


SCHEMAS: Final[Mapping[str, Any]] = {
    "Problem": _shape(
        {
            "type": _TEXT,
            "title": _TEXT,
            "status": _WHOLE,
            "detail": _TEXT,
            "errors": {"type": "array", "items": ref("FieldError")},
        },
        optional=("errors",),
    ),
    "FieldError": _shape(_ERROR),
    "Accepted": _shape({"run_id": _TEXT, "status": _STATUS, "links": _ANY_OBJECT}),
    "Cancelled": _shape({"run_id": _TEXT, "cancelled": _FLAG, "status": _STATUS}),
    "Check": _check(),
    "Run": _shape(_RUN, optional=("links", "waiting_before", "metrics")),
    "RunBrief": _shape(_BRIEF),
    "Runs": _shape({"runs": {"type": "array", "items": ref("RunBrief")}, "next": _TEXT_OR_NULL}),
    "Status": _status(),
    "Trade": _shape(_TRADE),
    "Result": _shape(
        {"run": ref("Run"), "result": _ANY_OBJECT, "trades": {"type": "array", "items": ref("Trade")}}
    ),
    "Verification": _shape(_VERIFICATION),
    "Curves": _shape({"bars": _WHOLE, "bars_in_range": _WHOLE, "times": {"type": "array", "items": _WHOLE}}),
    "Rules": _list_of(
        "rules", _shape({"name": _TEXT, "label": _TEXT, "help": _TEXT, "params": {"type": "array"}})
    ),
    "Metrics": _list_of("metrics", _shape({"name": _TEXT, "label": _TEXT, "formula": _TEXT})),
    "Symbols": _list_of("symbols", _shape(_SYMBOL)),
    "Dataset": _shape(_DATASET),
    "Datasets": _list_of("datasets", ref("Dataset")),
    "Preset": _shape(_PRESET),
    "Presets": _list_of("strategies", ref("Preset")),
    "Word": _shape({"status": _TEXT}),
}
