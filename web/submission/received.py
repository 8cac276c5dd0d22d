"""The request that was sent, as JSON or as a form."""

from __future__ import annotations

from typing import Any, Final

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from backtest.errors import InvalidRequest
from web.api import schemas
from web.api.request_parsing import json_body
from web.errors import as_json
from web.submission import form, percentages

FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def refusal(invalid: InvalidRequest) -> list[schemas.FieldError]:
    """Every mistake as JSON; those of a form speak of its percentages."""
    return [as_json(error) for error in percentages.told(invalid.errors, request.form)]


def received() -> Any:
    """The JSON of the body, or the JSON request that the form stands for; 415 for anything else."""
    if request.mimetype in FORMS:
        return form.to_request(request.form)
    if request.is_json:
        return json_body()
    raise UnsupportedMediaType("send application/json, or a form")
