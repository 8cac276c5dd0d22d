"""Reads what a client sent, strictly: JSON that JSON allows, text that can be stored."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from backtest.errors import FieldError, InvalidRequest

FIRST_SECOND: Final = -11_676_096_000
LAST_SECOND: Final = 253_402_300_799
"""Seconds from 1970 to the years 1600 and 9999, between which the times of all prices lie."""
"""Of the year 9999."""
_KEY_LENGTH: Final = 128


def json_body() -> Any:
    """The request's body as JSON, or `InvalidRequest` that says where it is broken."""
    if not request.is_json:
        raise UnsupportedMediaType("send application/json")
    try:
        text = request.get_data().decode("utf-8")
        body = json.loads(text, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be stored
    except UnicodeError as error:
        raise InvalidRequest([FieldError("", f"the body must be UTF-8 text: {error}")]) from None
    except RecursionError:
        raise InvalidRequest([FieldError("", "the body is nested too deeply")]) from None
    except ValueError as error:
        raise InvalidRequest([FieldError("", f"the body must be JSON: {error}")]) from None
    return body


def json_object() -> dict[str, Any]:
    """The request's body as a JSON object."""
    body = json_body()
    if not isinstance(body, dict):
        raise InvalidRequest([FieldError("", "the request must be a JSON object")])
    return body


def query_number(name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query string within its bounds, or `InvalidRequest`."""
    text = request.args.get(name)
    if text is None or text == "":
        return default
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16 and low <= int(text) <= high):
        raise InvalidRequest(
            [FieldError(name, f"must be a whole number from {low} to {high}, got {text[:40]!r}", text[:40])]
        )
    return int(text)


def query_window() -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """The two moments `from` and `to` of the query string, in seconds since 1970; None where one is not given."""
    first, last = (
        np.datetime64(query_number(name, 0, FIRST_SECOND, LAST_SECOND), "s")
        if request.args.get(name)
        else None
        for name in ("from", "to")
    )
    return first, last


def query_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of `choices` from the query string, or `InvalidRequest`."""
    text = request.args.get(name) or default
    if text not in choices:
        message = f"must be one of {', '.join(choices)}, got {text[:40]!r}"
        raise InvalidRequest([FieldError(name, message, text[:40])])
    return text


def query_flag(name: str, *, default: bool) -> bool:
    """true or false from the query string, or `InvalidRequest`."""
    return query_choice(name, "true" if default else "false", ("true", "false")) == "true"


def idempotency_key() -> str | None:
    """The header Idempotency-Key, or None; `InvalidRequest` where it is too long or not printable."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > _KEY_LENGTH or not key.isascii() or not (key == "" or key.isprintable()):
        message = f"must be at most {_KEY_LENGTH} printable ASCII characters"
        raise InvalidRequest([FieldError("Idempotency-Key", message, key[:_KEY_LENGTH])])
    return key or None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
