"""The OpenAPI 3.1 description, made from the fields that every door reads and the shapes of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from backtest.run.request import REQUEST_FIELDS
from store.models import Status
from web.api import shapes
from web.api.shapes import PROBLEM, ref
from web.runs import annotation, curves, list_query
from web.submission.form import EXAMPLE

Operation = dict[str, Any]
_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `python -m store tokens create`. Its scope is read, submit or admin, each with "
        "what the ones before it may: read looks, submit changes, admin deletes. Where sign-in is off none is needed.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-stock-backtest",
        "description": "A person who signed in on the page. Forms need the field csrf_token of the page they are on.",
    },
}
_ALWAYS = (401, 403, 503)
"""What every door may answer where sign-in is on, and when the server has all hands full."""

_RUN = {
    "name": "run_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 36},
}


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stock Backtest",
            "version": "1",
            "description": "Submit backtests, watch them, fetch what they found. Fields may be added, never "
            "renamed or removed. Every error is application/problem+json.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": _paths(),
        "components": {
            "schemas": {"Request": _request(), **shapes.SCHEMAS},
            "securitySchemes": _SCHEMES,
        },
        "security": [{"token": []}, {"session": []}, {}],
    }


def _request() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.name: field.schema() for field in REQUEST_FIELDS},
        "required": [field.name for field in REQUEST_FIELDS if field.required],
        "additionalProperties": False,
        "examples": [dict(EXAMPLE)],
    }


def _paths() -> dict[str, Any]:
    return {**_submitting(), **_watching(), **_listing(), **_taking_along(), **_inputs(), **_operations()}


def _submitting() -> dict[str, Any]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key again gives the same run.",
        "schema": {"type": "string", "maxLength": 128, "pattern": "^[!-~]*$"},
    }
    submit = _operation(
        "Queue a backtest", {202: ref("Accepted")}, (400, 409, 413, 415, 422, 429), "submitting", [key]
    )
    check = _operation(
        "Say what a request would do, or what is wrong with it",
        {200: ref("Check")},
        (400, 413, 415),
        "submitting",
    )
    return {
        "/run_backtest": {"post": submit | _body(ref("Request"))},
        "/api/check": {"post": check | _body(ref("Request"))},
        "/runs/{run_id}/cancel": {
            "post": _operation(
                "Stop a run that has not ended", {200: ref("Cancelled")}, (404,), "submitting", [_RUN]
            )
        },
        "/runs/{run_id}/verify": {
            "post": _operation(
                "Execute a run again and compare every bit",
                {200: ref("Verification")},
                (404, 409),
                "submitting",
                [_RUN],
            )
        },
    }


def _watching() -> dict[str, Any]:
    charts = _query("charts", {"type": "string", "enum": ["true", "false"]}, "false leaves the pictures out.")
    points = _query("points", _whole(2, 20_000), "About how many points a curve may have.")
    one = _operation("One run without its curves", {200: ref("Run"), 304: None}, (404,), "runs", [_RUN])
    change = _operation(
        "Change name, notes, tags or star", {200: ref("Run")}, (400, 404, 413, 415), "runs", [_RUN]
    )
    delete = _operation("Delete an ended run", {204: None}, (404, 409), "runs", [_RUN])
    status = _operation(
        "Everything about a run", {200: ref("Status"), 304: None}, (400, 404), "runs", [_RUN, charts, points]
    )
    return {
        "/status/{run_id}": {"get": status},
        "/api/runs/{run_id}": {"get": one, "patch": change | _body(_annotations()), "delete": delete},
    }


def _annotations() -> dict[str, Any]:
    tag = {"type": "string", "maxLength": annotation.LONGEST_TAG}
    tags = {"type": "array", "items": tag, "maxItems": annotation.MOST_TAGS}
    given = {field.name: field.schema() for field in annotation.FIELDS} | {"tags": tags}
    return {"type": "object", "properties": given, "additionalProperties": False, "minProperties": 1}


def _listing() -> dict[str, Any]:
    text = {"type": "string", "maxLength": 200}
    filters = [
        _query("q", text, "Text in name, notes, symbols, rule or id."),
        _query("symbol", text, "Runs of a symbol."),
        _query("rule_type", text, "Runs of a rule."),
        _query("tag", text, "Runs with a tag."),
        _query(
            "status", {"type": "string", "enum": [str(status) for status in Status]}, "Runs that stand there."
        ),
        _query("starred", {"type": "string", "enum": ["true", "false"]}, "Starred runs only."),
        _query("created_from", {"type": "string", "format": "date"}, "Submitted on this day or later."),
        _query("created_to", {"type": "string", "format": "date"}, "Submitted on this day or earlier."),
        _query("sort", {"type": "string", "enum": list(list_query.SORTS)}, "What to sort by."),
        _query("order", {"type": "string", "enum": ["desc", "asc"]}, "Which way."),
        _query("after", {"type": "string"}, "The cursor in `next`."),
        _query("limit", _whole(1, 200), "Runs a page."),
    ]
    return {"/api/runs": {"get": _operation("Runs in pages", {200: ref("Runs")}, (400,), "runs", filters)}}


def _taking_along() -> dict[str, Any]:
    names = f"Some of {', '.join(curves.NAMES)}, separated by commas."
    seconds = _whole(0, 253_402_300_799)
    window = [
        _query("names", {"type": "string"}, names),
        _query("symbol", {"type": "string"}, "Whose price."),
        _query("from", seconds, "Seconds since 1970."),
        _query("to", seconds, "Seconds since 1970."),
        _query("points", _whole(10, 20_000), "About how many bars to give."),
    ]
    operation = _operation(
        "Curves of a run, thinned for a screen",
        {200: ref("Curves"), 304: None},
        (400, 404),
        "results",
        [_RUN, *window],
    )
    files = {
        "trades.csv": ("Every trade", "text/csv"),
        "equity.csv": ("Every bar", "text/csv"),
        "equity.parquet": ("Every bar", "application/vnd.apache.parquet"),
        "report.html": ("The report, one file", "text/html"),
    }
    taken = {
        f"/runs/{{run_id}}/{name}": {"get": _file(summary, kind)} for name, (summary, kind) in files.items()
    }
    whole = _operation("Request, figures and trades", {200: ref("Result")}, (404,), "results", [_RUN])
    return {
        "/api/runs/{run_id}/curves": {"get": operation},
        "/runs/{run_id}/result.json": {"get": whole},
        **taken,
    }


def _inputs() -> dict[str, Any]:
    search = _query("q", {"type": "string", "maxLength": 32}, "Part of the name.")
    limit = _query("limit", _whole(1, 1_000), "How many at most.")
    preset_id = {"name": "preset_id", "in": "path", "required": True, "schema": _whole(1, 2**31 - 1)}
    symbol = {
        "name": "symbol",
        "in": "query",
        "required": True,
        "schema": {"type": "string", "maxLength": 32},
    }
    upload = _operation("Take in prices", {201: ref("Dataset")}, (400, 413, 415, 429), "prices", [symbol])
    kinds = {
        "text/csv": {"schema": {"type": "string"}},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
    }
    file = {"requestBody": {"required": True, "content": kinds}}
    asked = {
        "type": "object",
        "properties": {"symbol": {"type": "string", "pattern": "^[A-Z0-9^][A-Z0-9.^=_-]{0,31}$"}},
        "required": ["symbol"],
        "additionalProperties": False,
    }
    errors = (400, 413, 415, 429, 501, 503)
    yahoo = _operation("Import daily prices from Yahoo Finance", {201: ref("Dataset")}, errors, "prices")
    preset = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "request": {"type": "object"},
        },
        "required": ["name", "request"],
        "additionalProperties": False,
    }
    save = _operation("Save a filling of the form", {201: ref("Preset")}, (400, 413, 415), "presets")
    return {
        "/api/rules": {"get": _operation("Rules with their parameters", {200: ref("Rules")}, (), "inputs")},
        "/api/metrics": {
            "get": _operation("Figures with their definitions", {200: ref("Metrics")}, (), "inputs")
        },
        "/api/symbols": {
            "get": _operation("What has prices", {200: ref("Symbols")}, (400,), "prices", [search, limit])
        },
        "/api/datasets": {
            "get": _operation(
                "Prices with their certificates", {200: ref("Datasets")}, (), "prices", [search]
            ),
            "post": upload | file,
        },
        "/api/datasets/yahoo": {"post": yahoo | _body(asked)},
        "/api/strategies": {
            "get": _operation("Presets of the form", {200: ref("Presets")}, (), "presets"),
            "post": save | _body(preset),
        },
        "/api/strategies/{preset_id}": {
            "delete": _operation("Delete a preset", {204: None}, (404,), "presets", [preset_id])
        },
    }


def _operations() -> dict[str, Any]:
    plain = {"description": "Text for Prometheus", "content": {"text/plain": {"schema": {"type": "string"}}}}
    metrics = {"summary": "Runs by status", "tags": ["operations"], "responses": {"200": plain}}
    return {
        "/health": {"get": _operation("The process answers", {200: ref("Word")}, (), "operations")},
        "/ready": {
            "get": _operation("The database answers at its schema", {200: ref("Word")}, (503,), "operations")
        },
        "/metrics": {"get": metrics},
    }


def _operation(
    summary: str,
    answers: Mapping[int, Mapping[str, Any] | None],
    errors: tuple[int, ...],
    tag: str,
    parameters: list[dict[str, Any]] | None = None,
) -> Operation:
    responses: dict[str, Any] = {}
    for code, schema in answers.items():
        responses[str(code)] = {"description": shapes.SAID[code]}
        if schema is not None:
            responses[str(code)]["content"] = {"application/json": {"schema": schema}}
    for code in sorted({*errors, *_ALWAYS} if tag != "operations" else errors):
        content = {"application/problem+json": {"schema": ref(PROBLEM)}}
        responses[str(code)] = {"description": shapes.SAID[code], "content": content}
    operation: Operation = {"summary": summary, "tags": [tag], "responses": responses}
    return operation | ({"parameters": parameters} if parameters else {})


def _file(summary: str, kind: str) -> Operation:
    operation = _operation(summary, {200: None}, (404,), "results", [_RUN])
    operation["responses"]["200"]["content"] = {kind: {}}
    return operation


def _body(schema: Mapping[str, Any]) -> Operation:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _query(name: str, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _whole(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}
