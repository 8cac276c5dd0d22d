"""The OpenAPI 3.1 description, from the fields that every endpoint reads and the schemas of the answers."""

from __future__ import annotations

from functools import cache
from typing import Any

from backtest.run.request import EXAMPLE, OPTION_FIELDS, REQUEST_FIELDS
from backtest.studies.request import RUN_FIELDS_OF_A_STUDY, STUDY_FIELDS
from web.api import audit_schemas, chart_schemas, preset_schemas, schemas
from web.api.operations import REF
from web.api.paths import PATHS
from web.ledger import schemas as ledger_schemas
from web.robustness import schemas as robustness_schemas
from web.studies import schemas as study_schemas

_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `python -m store tokens create`. Scopes: read (view), submit (view and "
        "change), admin (view, change and delete). Not required when sign-in is off.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-stock-backtest",
        "description": "The session of a signed-in user. Forms require the csrf_token field of their page.",
    },
}
_ANSWERS = (
    schemas.Problem, schemas.FieldError, schemas.Accepted, schemas.Cancelled, schemas.Check, schemas.Run,
    schemas.RunBrief, schemas.Runs, schemas.Status, schemas.Trade, schemas.Result, schemas.Verification,
    schemas.Curves, schemas.Rules, schemas.Metrics, schemas.Symbols, schemas.Dataset, schemas.Datasets,
    schemas.Upload, preset_schemas.Preset, preset_schemas.Presets, schemas.Word,
    audit_schemas.AuditEntry, audit_schemas.AuditEntries,
    study_schemas.StudyAccepted, study_schemas.StudyCheck, study_schemas.Study, study_schemas.Studies,
    study_schemas.Trial, study_schemas.Trials, study_schemas.Heatmap, study_schemas.StudyCancelled, study_schemas.TrialRun,
    robustness_schemas.Robustness, ledger_schemas.Ledger, ledger_schemas.LedgerSources,
    chart_schemas.Candles, chart_schemas.TradeStory, chart_schemas.RollingMetrics,
)  # fmt: skip


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
        "paths": PATHS,
        "components": {
            "schemas": {"Request": _request(), "StudyRequest": _study_request(), **_answers()},
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


def _study_request() -> dict[str, Any]:
    fields = (*RUN_FIELDS_OF_A_STUDY, *STUDY_FIELDS)
    space = {"params.fast": [5, 10, 20], "params.slow": {"from": 30, "to": 100, "step": 10}}
    example = {name: value for name, value in EXAMPLE.items() if name != "params"} | {"space": space}
    return {
        "type": "object",
        "properties": {field.name: field.schema() for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
        "examples": [example],
    }


def _answers() -> dict[str, Any]:
    from pydantic import TypeAdapter  # costs start-up time, and few ask for the description
    from pydantic.json_schema import JsonSchemaMode

    mode: JsonSchemaMode = "serialization"
    adapters = [(answer, mode, TypeAdapter(answer)) for answer in _ANSWERS]
    _, generated = TypeAdapter.json_schemas(adapters, ref_template=REF)
    definitions: dict[str, Any] = generated["$defs"]
    for definition in definitions.values():
        _finish(definition["properties"])
    return definitions


def _finish(properties: dict[str, Any]) -> None:
    """Drop titles, which repeat the names, and describe the options of a run as the request does."""
    for schema in properties.values():
        schema.pop("title", None)
    if OPTION_FIELDS[0].name in properties:
        for field in OPTION_FIELDS:
            properties[field.name]["description"] = field.help
