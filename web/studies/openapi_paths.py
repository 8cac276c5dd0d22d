"""The paths of the OpenAPI description that are about studies."""

from __future__ import annotations

from functools import partial

from backtest.studies.objective import FIGURES
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
from web.studies import schemas
from web.studies.shown import CELL_VALUES

_studies = partial(operation, "studies")
_STUDY = required("study_id", "path", {"type": "string", "minLength": 1, "maxLength": 36})
_SYMBOL = query("symbol", text(32), "Account of this symbol, where every symbol is an account of its own.")
_PARQUET = "application/vnd.apache.parquet"
_REQUEST = json_body(ref("StudyRequest"))
_TRIALS = (
    query("sort", text(80), f"trial, objective, {', '.join(FIGURES)}, or the name of a searched input."),
    query("order", choice("desc", "asc"), "Sort direction."),
    query("eligible", choice("true", "false"), "true: only trials that may be chosen."),
    query("after", {"type": "string"}, "Cursor from `next`: the number of a trial."),
    query("limit", whole(1, 1_000), "Trials per page."),
)

STUDIES: dict[str, dict[str, Operation]] = {
    "/run_study": {
        "post": _studies(
            "Queue a study: one request over a search space",
            {202: schemas.StudyAccepted},
            (400, 409, 413, 415, 422, 429),
            body=_REQUEST,
        )
    },
    "/api/check_study": {
        "post": _studies(
            "Trials, simulations and seconds of a study, without submitting it",
            {200: schemas.StudyCheck},
            (400, 413, 415),
            body=_REQUEST,
        )
    },
    "/api/studies": {
        "get": _studies(
            "Studies in pages, the newest first",
            {200: schemas.Studies},
            (400,),
            parameters=[
                query("after", {"type": "string"}, "Cursor from `next`."),
                query("limit", whole(1, 200), "Studies per page."),
            ],
        )
    },
    "/api/studies/{study_id}": {
        "get": _studies("One study with what it found", {200: schemas.Study}, (404,), parameters=[_STUDY]),
        "delete": _studies("Delete an ended study", {204: None}, (404, 409), parameters=[_STUDY]),
    },
    "/api/studies/{study_id}/trials": {
        "get": _studies(
            "Trials in pages; the name of a searched input filters by its value",
            {200: schemas.Trials},
            (400, 404),
            parameters=[_STUDY, _SYMBOL, *_TRIALS],
        )
    },
    "/api/studies/{study_id}/heatmap": {
        "get": _studies(
            "The trials over two inputs, the others taken together",
            {200: schemas.Heatmap},
            (400, 404),
            parameters=[
                _STUDY,
                _SYMBOL,
                query("x", text(80), "Searched input across."),
                query("y", text(80), "Searched input upwards."),
                query("value", choice(*CELL_VALUES), "What a cell shows of its trials."),
            ],
        )
    },
    "/studies/{study_id}/trials.csv": {
        "get": file("studies", "Every trial", "text/csv", parameters=[_STUDY, _SYMBOL])
    },
    "/studies/{study_id}/trials.parquet": {
        "get": file("studies", "Every trial", _PARQUET, parameters=[_STUDY, _SYMBOL])
    },
    "/studies/{study_id}/trials/{trial}/run": {
        "post": _studies(
            "Open a trial as an ordinary run",
            {202: schemas.TrialRun},
            (400, 404, 429),
            parameters=[_STUDY, required("trial", "path", whole(0, 2**31 - 1)), _SYMBOL],
        )
    },
    "/studies/{study_id}/cancel": {
        "post": _studies(
            "Cancel a study that has not ended", {200: schemas.StudyCancelled}, (404,), parameters=[_STUDY]
        )
    },
    "/studies/{study_id}/finish": {
        "post": _studies(
            "Execute the chunks that are missing",
            {202: schemas.StudyAccepted},
            (404, 409),
            parameters=[_STUDY],
        )
    },
}
