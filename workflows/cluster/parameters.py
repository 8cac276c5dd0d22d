"""The request as arguments of a workflow: described from the request's own fields, and read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import EXPANDED, Field, Value, unknown
from backtest.run.request import REQUEST_FIELDS

DATA_HASHES = Field(
    name="data_hashes",
    kind="object",
    label="Prices",
    help='The version of each symbol\'s prices as JSON, {"SPY": "<SHA-256>"}; empty: the current ones.',
)
FIELDS = (*REQUEST_FIELDS, DATA_HASHES)


@dataclass(frozen=True, slots=True)
class Form:
    """The arguments of a WorkflowTemplate: those of the request, and the prices; `id` names what is submitted."""

    fields: tuple[Field, ...]
    id: str

    @property
    def names(self) -> list[str]:
        """The fields of the request."""
        return [field.name for field in self.fields if field is not DATA_HASHES]


RUN = Form(FIELDS, "run_id")
_RUN_ID = re.compile(r"[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+")
_RUN_ID_LENGTH = 36


def id_of(name: str) -> str:
    """`run_id_of` as an expression of Argo: an id that no label can hold would end the workflow without a trace."""
    given = f"workflow.parameters.{name}"
    return (
        f"len({given}) == {_RUN_ID_LENGTH} && {given} matches '^{_RUN_ID.pattern}$' ? {given} : workflow.uid"
    )


RUN_ID = id_of(RUN.id)
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


def arguments_of(
    request: Mapping[str, Any], data_hashes: Mapping[str, str], form: Form = RUN
) -> dict[str, str]:
    """The workflow arguments of a request as JSON and the prices that it is pinned to.

    Raises `InvalidRequest` where Argo would evaluate one of them: a row of an older release may hold such text.
    """
    arguments = {name: text_of(request.get(name)) for name in form.names}
    arguments[DATA_HASHES.name] = text_of(dict(data_hashes))
    _check_plain(arguments)
    return arguments


def read(
    arguments: Mapping[str, str], run_id: str, form: Form = RUN
) -> tuple[dict[str, Any], dict[str, str]]:
    """The raw request in workflow arguments, and the pinned prices; an empty argument is an absent one.

    Raises `InvalidRequest` where an object is not JSON, Argo would evaluate an argument, there is no such argument,
    or the workflow is not named by the id that was given; everything else is for the request's `parse` to judge.
    """
    _check_plain(arguments)
    _check_known(arguments, run_id, form)
    raw = {field.name: _value(field, arguments.get(field.name) or "") for field in form.fields}
    hashes = raw.pop(DATA_HASHES.name) or {}
    given = {name: value for name, value in raw.items() if value is not None}
    return given | {form.id: run_id}, {str(symbol): str(name) for symbol, name in hashes.items()}


def readable(arguments: Mapping[str, str], form: Form = RUN) -> dict[str, Any]:
    """As much of the raw request as can be read of arguments that `read` refuses."""
    fields = (field for field in form.fields if field is not DATA_HASHES)
    return {field.name: _readable(field, arguments.get(field.name) or "") for field in fields}


def run_id_of(given: str, workflow_uid: str) -> str:
    """The run of a workflow: the id that was given where it can be one, else the workflow's own."""
    return given if len(given) == _RUN_ID_LENGTH and _RUN_ID.fullmatch(given) else workflow_uid


def from_json(text: str) -> dict[str, str]:
    """The arguments in Argo's `workflow.parameters.json`, a list of names and values."""
    return {one["name"]: str(one.get("value", "")) for one in json.loads(text)}


def _check_plain(arguments: Mapping[str, str]) -> None:
    text = "must not contain " + " or ".join(EXPANDED)
    wrong = [name for name, value in arguments.items() if any(mark in value for mark in EXPANDED)]
    if wrong:
        raise InvalidRequest([FieldError(name[:64], text, arguments[name][:80]) for name in wrong])


def _check_known(arguments: Mapping[str, str], run_id: str, form: Form) -> None:
    names = [field.name for field in form.fields]
    errors = [unknown(name[:64], names) for name in arguments if name not in names]
    given = arguments.get(form.id) or run_id
    if given != run_id:
        errors.append(FieldError(form.id, "must be a UUID4 in lower case, or empty", given[:80]))
    if errors:
        raise InvalidRequest(errors)


def _readable(field: Field, text: str) -> Any:
    try:
        return _value(field, text)
    except InvalidRequest:
        return None


def _value(field: Field, text: str) -> Any:
    if not text.strip():
        return None
    if field.kind != "object":
        return text
    try:
        return field.parse(json.loads(text))
    except (ValueError, RecursionError):
        raise InvalidRequest([FieldError(field.name, "must be a JSON object", text)]) from None
