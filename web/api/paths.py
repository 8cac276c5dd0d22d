"""The paths of the OpenAPI description: what programs may call, and what they get."""

from __future__ import annotations

from functools import partial

from store.models import Status
from store.queries.audit import Action
from web.api import audit_schemas, chart_schemas, preset_schemas, schemas
from web.api.operations import (
    Operation,
    choice,
    file,
    json_body,
    operation,
    query,
    ref,
    required,
    text,
    whole,
)
from web.api.request_parsing import FIRST_SECOND, LAST_SECOND
from web.datasets.openapi_paths import PRICES
from web.results import curves
from web.robustness.openapi_paths import LEDGER, ROBUSTNESS
from web.runs import annotation, list_query
from web.studies.openapi_paths import STUDIES

_submitting = partial(operation, "submitting")
_runs = partial(operation, "runs")
_results = partial(operation, "results")
_inputs = partial(operation, "inputs")
_presets = partial(operation, "presets")
_audit = partial(operation, "audit")
_operations = partial(operation, "operations")
Paths = dict[str, dict[str, Operation]]
_REQUEST = json_body(ref("Request"))
_TEXT = {"type": "string"}
_RUN = required("run_id", "path", {"type": "string", "minLength": 1, "maxLength": 36})
_PRESET_ID = required("preset_id", "path", whole(1, 2**31 - 1))
_SECONDS = whole(FIRST_SECOND, LAST_SECOND)
_BOOLEAN = choice("true", "false")
_DATE = {"type": "string", "format": "date"}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeating a key returns the same run.",
    "schema": {**text(128), "pattern": "^[!-~]*$"},
}
_FILTERS = (
    query(
        "q", text(200), "Words that a row shows, each in name, notes, tags, symbols, rule, parameters or id."
    ),
    query("symbol", text(200), "Runs of a symbol."),
    query("rule_type", text(200), "Runs of a rule."),
    query("tag", text(200), "Runs with a tag."),
    query("status", choice(*(str(status) for status in Status)), "Runs with this status."),
    query("starred", _BOOLEAN, "Starred runs only."),
    query("created_from", _DATE, "Submitted on this day or later."),
    query("created_to", _DATE, "Submitted on this day or earlier."),
    query("sort", choice(*list_query.SORTS), "Sort key."),
    query("order", choice("desc", "asc"), "Sort direction."),
    query("after", _TEXT, "Cursor from `next`."),
    query("limit", whole(1, 200), "Runs per page."),
)
_WINDOW = (
    query("names", _TEXT, f"Some of {', '.join(curves.NAMES)}, separated by commas."),
    query("symbol", _TEXT, "Symbol of the price curve."),
    query("from", _SECONDS, "Seconds since 1970."),
    query("to", _SECONDS, "Seconds since 1970."),
    query("points", whole(10, 20_000), "Approximate number of bars returned."),
)
_CANDLES = (
    query("symbol", text(32), "A symbol of the run; the first one by default."),
    query("from", _SECONDS, "Seconds since 1970."),
    query("to", _SECONDS, "Seconds since 1970."),
    query("candles", whole(10, 5_000), "Largest number of candles returned."),
)
_PICTURES = query("charts", _BOOLEAN, "false omits the charts.")
_POINTS = query("points", whole(2, 20_000), "Approximate number of points per curve.")
_TRADES = "Every trade; number is that of the page, seq counts from 0"
_PARQUET = "application/vnd.apache.parquet"
_PRESET = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 100},
        "request": {"type": "object"},
    },
    "required": ["name", "request"],
    "additionalProperties": False,
}
_ANNOTATIONS = {
    "type": "object",
    "properties": {
        **{field.name: field.schema() for field in annotation.FIELDS},
        "tags": {"type": "array", "items": text(annotation.LONGEST_TAG), "maxItems": annotation.MOST_TAGS},
    },
    "additionalProperties": False,
    "minProperties": 1,
}

_SUBMITTING: Paths = {
    "/run_backtest": {
        "post": _submitting(
            "Queue a backtest",
            {202: schemas.Accepted},
            (400, 409, 413, 415, 422, 429),
            parameters=[_IDEMPOTENCY_KEY],
            body=_REQUEST,
        )
    },
    "/api/check": {
        "post": _submitting(
            "Validate a request without submitting it", {200: schemas.Check}, (400, 413, 415), body=_REQUEST
        )
    },
    "/api/preview": {
        "post": _submitting(
            "On how many bars each formula of a request is true, and each of its clauses",
            {200: chart_schemas.Preview},
            (400, 413, 415),
            body=_REQUEST,
        )
    },
    "/runs/{run_id}/cancel": {
        "post": _submitting(
            "Cancel a run that has not ended", {200: schemas.Cancelled}, (404,), parameters=[_RUN]
        )
    },
    "/runs/{run_id}/verify": {
        "post": _submitting(
            "Execute a run again, to be compared with what is stored",
            {202: schemas.Verification},
            (404, 409, 429),
            parameters=[_RUN],
        )
    },
    "/runs/{run_id}/verification": {
        "get": _runs(
            "How the newest second execution of a run compares with it, bit for bit",
            {200: schemas.Verification},
            (404,),
            parameters=[_RUN],
        )
    },
}
_RUNS: Paths = {
    "/status/{run_id}": {
        "get": _runs(
            "Everything about a run",
            {200: schemas.Status, 304: None},
            (400, 404),
            parameters=[_RUN, _PICTURES, _POINTS],
        )
    },
    "/api/runs/{run_id}": {
        "get": _runs("One run without its curves", {200: schemas.Run, 304: None}, (404,), parameters=[_RUN]),
        "patch": _runs(
            "Change name, notes, tags or star",
            {200: schemas.Run},
            (400, 404, 413, 415, 429),
            parameters=[_RUN],
            body=json_body(_ANNOTATIONS),
        ),
        "delete": _runs("Delete an ended run", {204: None}, (404, 409), parameters=[_RUN]),
    },
    "/api/runs": {"get": _runs("Runs in pages", {200: schemas.Runs}, (400,), parameters=_FILTERS)},
}
_RESULTS: Paths = {
    "/api/runs/{run_id}/curves": {
        "get": _results(
            "Curves of a run, downsampled for display",
            {200: schemas.Curves, 304: None},
            (400, 404),
            parameters=[_RUN, *_WINDOW],
        )
    },
    "/api/runs/{run_id}/candles": {
        "get": _results(
            "Prices of a symbol as candles, with the lines of the run's rule",
            {200: chart_schemas.Candles, 304: None},
            (400, 404),
            parameters=[_RUN, *_CANDLES],
        )
    },
    "/api/runs/{run_id}/rolling": {
        "get": _results(
            "Return, volatility, Sharpe ratio and beta of a moving window",
            {200: chart_schemas.RollingMetrics, 304: None},
            (400, 404),
            parameters=[_RUN, query("window", whole(2, 1_000_000), "Returns in the window."), *_WINDOW[2:]],
        )
    },
    "/api/runs/{run_id}/trades/{seq}": {
        "get": _results(
            "One trade with what was known when it began and ended",
            {200: chart_schemas.TradeStory},
            (404,),
            parameters=[_RUN, required("seq", "path", whole(0, 2**31 - 1))],
        )
    },
    "/runs/{run_id}/result.json": {
        "get": _results("Request, metrics and trades", {200: schemas.Result}, (404,), parameters=[_RUN])
    },
    "/runs/{run_id}/trades.csv": {
        "get": file(
            "results",
            _TRADES,
            "text/csv",
            parameters=[_RUN],
        )
    },
    "/runs/{run_id}/equity.csv": {"get": file("results", "Every bar", "text/csv", parameters=[_RUN])},
    "/runs/{run_id}/equity.parquet": {"get": file("results", "Every bar", _PARQUET, parameters=[_RUN])},
    "/runs/{run_id}/report.html": {
        "get": file("results", "Report as one HTML file", "text/html", parameters=[_RUN])
    },
}
_INPUTS: Paths = {
    "/api/rules": {"get": _inputs("Rules with their parameters", {200: schemas.Rules})},
    "/api/metrics": {"get": _inputs("Metrics with their definitions", {200: schemas.Metrics})},
}
_PRESETS: Paths = {
    "/api/strategies": {
        "get": _presets("Saved presets", {200: preset_schemas.Presets}),
        "post": _presets(
            "Save settings as a preset",
            {201: preset_schemas.Preset},
            (400, 409, 413, 415, 429),
            body=json_body(_PRESET),
        ),
    },
    "/api/strategies/{preset_id}": {
        "delete": _presets("Delete a preset", {204: None}, (404,), parameters=[_PRESET_ID])
    },
}
_AUDIT: Paths = {
    "/api/audit": {
        "get": _audit(
            "Who did what; scope admin",
            {200: audit_schemas.AuditEntries},
            (400,),
            parameters=[
                query("action", choice(*(str(action) for action in Action)), "Entries of this action."),
                query("client", text(128), "Entries of this client."),
                query("target", text(128), "Entries about this run, dataset, preset, token or session."),
                query("before", whole(1, 2**31 - 1), "Cursor from `next`."),
                query("limit", whole(1, 200), "Entries per page."),
            ],
        )
    }
}
_OPERATIONS: Paths = {
    "/health": {"get": _operations("The process answers", {200: schemas.Word})},
    "/ready": {
        "get": _operations("The database answers and its schema is current", {200: schemas.Word}, (503,))
    },
    "/metrics": {
        "get": {
            "summary": "Runs by status",
            "tags": ["operations"],
            "responses": {
                "200": {
                    "description": "Metrics in the Prometheus text format",
                    "content": {"text/plain": {"schema": _TEXT}},
                }
            },
        }
    },
}

PATHS: Paths = {
    **_SUBMITTING,
    **_RUNS,
    **_RESULTS,
    **ROBUSTNESS,
    **_INPUTS,
    **PRICES,
    **_PRESETS,
    **STUDIES,
    **LEDGER,
    **_AUDIT,
    **_OPERATIONS,
}
"""In the order in which the page shows them."""
