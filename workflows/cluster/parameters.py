"""The request as arguments of a workflow: described from the request's own fields, and read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import EXPANDED, Field, Value
from backtest.run.request import REQUEST_FIELDS

DATA_HASHES = Field(
    name="data_hashes",
    kind="object",
    label="Prices",
    help='The version of each symbol\'s prices as JSON, {"SPY": "<SHA-256>"}; empty: the current ones.',
)
FIELDS = (*REQUEST_FIELDS, DATA_HASHES)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?')
_ESCAPED = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "{}$"})


def text_of(value: Value) -> str:
    """A value as the text of a workflow argument; nothing is the empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(value)
    return _json_of(value) if isinstance(value, Mapping) else str(value)


def _json_of(value: Mapping[str, Any]) -> str:
    """JSON without a brace or a dollar sign inside of its strings: Argo and Kubernetes expand those."""
    return _STRING.sub(lambda string: string[0].translate(_ESCAPED), json.dumps(value, sort_keys=True))


def arguments_of(request: Mapping[str, Any], data_hashes: Mapping[str, str]) -> dict[str, str]:
    """The workflow arguments of a request as JSON and the prices that it is pinned to.

    Raises `InvalidRequest` where Argo would evaluate one of them: a row of an older release may hold such text.
    """
    arguments = {field.name: text_of(request[field.name]) for field in REQUEST_FIELDS} | {
        DATA_HASHES.name: text_of(dict(data_hashes))
    }
    _check_plain(arguments)
    return arguments


def read(arguments: Mapping[str, str], run_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The raw request in workflow arguments, and the pinned prices; an empty argument is an absent one.

    Raises `InvalidRequest` where an object is not JSON or Argo would evaluate an argument; everything else is
    `RunRequest.parse`'s to judge.
    """
    _check_plain(arguments)
    raw = {field.name: _value(field, arguments.get(field.name) or "") for field in FIELDS}
    hashes = raw.pop(DATA_HASHES.name) or {}
    given = {name: value for name, value in raw.items() if value is not None}
    return given | {"run_id": run_id}, {str(symbol): str(name) for symbol, name in hashes.items()}


def from_json(text: str) -> dict[str, str]:
    """The arguments in Argo's `workflow.parameters.json`, a list of names and values."""
    return {one["name"]: str(one.get("value", "")) for one in json.loads(text)}


def _check_plain(arguments: Mapping[str, str]) -> None:
    text = "must not contain " + " or ".join(EXPANDED)
    wrong = [name for name, value in arguments.items() if any(mark in value for mark in EXPANDED)]
    if wrong:
        raise InvalidRequest([FieldError(name[:64], text, arguments[name][:80]) for name in wrong])


def _value(field: Field, text: str) -> Any:
    if not text.strip():
        return None
    if field.kind != "object":
        return text
    try:
        return field.parse(json.loads(text))
    except (ValueError, RecursionError):
        raise InvalidRequest([FieldError(field.name, "must be a JSON object", text)]) from None
