"""Builds the operations of the OpenAPI description: parameters, bodies, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from web.api import schemas

Operation = dict[str, Any]
REF = "#/components/schemas/{model}"
_DESCRIPTIONS: Mapping[int, str] = {
    200: "Done",
    201: "Created",
    202: "Queued; `links` holds the URLs to poll",
    204: "Deleted",
    304: "Not modified",
    400: "The request is invalid; `errors` names each field",
    401: "Not signed in, or the token is invalid",
    403: "The scope is insufficient, or the request came from another site",
    404: "Not found",
    408: "The body did not arrive in time",
    409: "Not possible in the current state",
    413: "Too large",
    415: "Unsupported content type",
    422: "A limit per run is exceeded; `errors` names the field and the limit",
    429: "A limit per client is exceeded; Retry-After says when to retry",
    501: "An optional package is not installed",
    503: "Temporarily unavailable",
}
_ALWAYS = (401, 403, 503)
"""What every operation may answer where sign-in is on, and when the server is at capacity."""


def operation(
    tag: str,
    summary: str,
    answers: Mapping[int, type | None],
    errors: Sequence[int] = (),
    *,
    parameters: Sequence[Mapping[str, Any]] = (),
    body: Mapping[str, Any] | None = None,
) -> Operation:
    """One method of a path: its answers by status code, each one of the schemas or without a body."""
    responses = {str(code): _answer(code, schema) for code, schema in answers.items()}
    always = () if tag == "operations" else (*_ALWAYS, *((408,) if body else ()))
    responses |= {str(code): _problem(code) for code in sorted({*errors, *always})}
    described: Operation = {"summary": summary, "tags": [tag], "responses": responses}
    described |= {"parameters": list(parameters)} if parameters else {}
    return described | ({"requestBody": {"required": True, "content": body}} if body else {})


def file(tag: str, summary: str, media_type: str, *, parameters: Sequence[Mapping[str, Any]]) -> Operation:
    """The download of a file."""
    described = operation(tag, summary, {200: None}, (404,), parameters=parameters)
    described["responses"]["200"]["content"] = {media_type: {}}
    return described


def json_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a body that is JSON."""
    return {"application/json": {"schema": schema}}


def query(name: str, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """An optional parameter of the query string."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def required(name: str, place: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A required parameter of the path or the query string."""
    return {"name": name, "in": place, "required": True, "schema": schema}


def whole(low: int, high: int) -> dict[str, Any]:
    """A whole number within its bounds."""
    return {"type": "integer", "minimum": low, "maximum": high}


def text(longest: int) -> dict[str, Any]:
    """A text of at most so many characters."""
    return {"type": "string", "maxLength": longest}


def choice(*values: str) -> dict[str, Any]:
    """One of these words."""
    return {"type": "string", "enum": list(values)}


def ref(name: str) -> dict[str, str]:
    """A reference to one of the schemas."""
    return {"$ref": REF.format(model=name)}


def _answer(code: int, schema: type | None) -> dict[str, Any]:
    content = {} if schema is None else {"content": json_body(ref(schema.__name__))}
    return {"description": _DESCRIPTIONS[code], **content}


def _problem(code: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": ref(schemas.Problem.__name__)}}
    return {"description": _DESCRIPTIONS[code], "content": content}
