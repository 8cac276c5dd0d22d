"""Runs, rules, symbols and metrics as JSON."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from backtest import rules
from backtest.metrics import catalogue
from store.queries import datasets, runs
from web.api import links, schemas, serializers
from web.api.request_parsing import json_object, query_number
from web.runs import annotation, deletion, list_query
from web.services import database

bp = Blueprint("api", __name__, url_prefix="/api")


@bp.get("/runs")
def list_runs() -> Response:
    """Runs in pages; `next` is the address of the following one."""
    with database().read() as session:
        listing = list_query.read_listing(session, "api.list_runs", request.args)
        body: schemas.Runs = {
            "runs": [serializers.run_brief(run) for run in listing.page.runs],
            "next": listing.next_address,
        }
    return jsonify(body)


@bp.get("/runs/<run_id>")
def run(run_id: str) -> Response:
    """One run: what was asked for, how far it is, and its metrics once there."""
    with database().read() as session:
        run = runs.get(session, run_id)
        body: schemas.Run = {
            **serializers.run_details(run),
            "metrics": run.metrics,
            "links": links.of_run(run_id),
            **serializers.waiting(session, run),
        }
    response = jsonify(body)
    if run.ended:
        response.set_etag(f"{run.status}-{run.result_hash}-{annotation.digest(run)}", weak=True)
        response.make_conditional(request)
    return response


@bp.patch("/runs/<run_id>")
def annotate(run_id: str) -> ResponseReturnValue:
    """Change name, notes, tags or star of a run."""
    values = annotation.parse(json_object())
    with database().write() as session:
        return jsonify(serializers.run_details(annotation.store(session, run_id, values)))


@bp.delete("/runs/<run_id>")
def delete(run_id: str) -> ResponseReturnValue:
    """Delete an ended run with everything it has."""
    with database().write() as session:
        deletion.delete(session, run_id)
    return "", 204


@bp.get("/rules")
def list_rules() -> Response:
    """Every rule with its parameters."""
    body: schemas.Rules = {"rules": [serializers.rule(rules.get(name)) for name in rules.names()]}
    return jsonify(body)


@bp.get("/symbols")
def list_symbols() -> Response:
    """Symbols with prices, with the range of each; `q` searches."""
    limit = query_number("limit", 200, 1, 1_000)
    with database().read() as session:
        current = datasets.current(session, text=request.args.get("q", "")[:32], limit=limit)
    body: schemas.Symbols = {"symbols": [serializers.symbol(stored) for stored in current]}
    return jsonify(body)


@bp.get("/metrics")
def list_metrics() -> Response:
    """Every metric with its formula, its conventions and how other tools define it."""
    return jsonify(metrics=catalogue.as_json())
