"""Submitting a study, and asking beforehand how much it would take."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, url_for
from flask.typing import ResponseReturnValue

from backtest.errors import InvalidRequest
from backtest.rules import BUILT_IN
from backtest.studies.execution import processors
from store.queries import datasets
from store.queries.studies import studies
from web.api import links
from web.api.request_parsing import idempotency_key, json_body
from web.auth.authentication import client
from web.errors import as_json
from web.services import database, services, settings
from web.studies import schemas
from workflows.studies import submission

_FIXED_SECONDS = 0.3
_TIMED_FROM_SECONDS = 2.0
"""Of one processor: below, nobody waits for long, and timing takes a second."""
_POD_SECONDS = 20.0
"""Four pods one after the other start in a cluster."""

bp = Blueprint("study_submit", __name__)


@bp.post("/run_study")
def run_study() -> ResponseReturnValue:
    """Queue a study: 202 and where to watch it."""
    study = submission.submit(
        json_body(),
        settings=settings(),
        database=database(),
        idempotency_key=idempotency_key(),
        client=client(),
    )
    body: schemas.StudyAccepted = {
        "study_id": study.study_id,
        "status": study.status,
        "trials": study.trials,
        "links": links.of_study(study.study_id),
    }
    response: Response = jsonify(body)
    response.headers["Location"] = url_for("study_api.study", study_id=study.study_id)
    return response, 202


@bp.post("/api/check_study")
def check() -> ResponseReturnValue:
    """Trials, simulations and about how many seconds, or every mistake; nothing is stored."""
    body: schemas.StudyCheck
    try:
        body = _sized(json_body())
    except InvalidRequest as invalid:
        body = {"ok": False, "errors": [as_json(error) for error in invalid.errors]}
    return jsonify(body)


def _sized(raw: Any) -> schemas.StudyCheck:
    prepared = submission.prepare(raw, settings=settings(), database=database())
    slots, pods = settings().worker_slots, submission.pods_of(prepared, settings())
    seconds = (
        _local_seconds(prepared) if pods is None else prepared.seconds / min(pods, settings().study_pods)
    )
    body: schemas.StudyCheck = {
        "ok": True,
        "trials": prepared.planned.trials,
        "refused": prepared.planned.refused,
        "simulations": prepared.simulations,
        "chunks": submission.chunks_of(prepared, slots),
        "bars": prepared.bars,
        "seconds": round(_FIXED_SECONDS + seconds, 1),
    }
    return body if pods is None else {**body, "pods": pods, "seconds": body["seconds"] + _POD_SECONDS}


def _local_seconds(prepared: submission.Prepared) -> float:
    """How long the local worker takes: timed where it is worth it, else measured, else by the average of all rules."""
    at_once = min(settings().worker_slots, processors.available())
    if prepared.seconds > _TIMED_FROM_SECONDS and (timed := _timed(prepared)) is not None:
        return timed / at_once
    measured = _measured(prepared)
    return prepared.seconds / at_once if measured is None else measured


def _timed(prepared: submission.Prepared) -> float | None:
    """Seconds of one processor, from some trials; rules of packages have no code here."""
    if prepared.planned.request.run.rule_type not in BUILT_IN:
        return None
    return services().study_timer.seconds(prepared.planned, prepared.bars, prepared.span.hashes, _payload)


def _payload(data_hash: str) -> bytes:
    with database().read() as session:
        return datasets.payload(session, data_hash)


def _measured(prepared: submission.Prepared) -> float | None:
    """How long the worker takes, by the last large study of the rule that it executed; None where there was none."""
    rule_type = prepared.planned.request.run.rule_type
    with database().read() as session:
        rate = studies.seconds_a_bar(session, rule_type, overhead=_FIXED_SECONDS)
    return None if rate is None else prepared.work * rate
