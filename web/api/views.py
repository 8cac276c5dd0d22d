"""The record as JSON: runs, rules, symbols, metrics."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from backtest import rules
from backtest.fields import Field
from backtest.metrics import catalogue
from store.models import Run
from store.queries import datasets, runs
from web.api import links
from web.api.request_parsing import json_object, query_number
from web.runs import annotation, list_query
from web.runs.status import described, hash_of_notes
from web.services import database

bp = Blueprint("api", __name__, url_prefix="/api")


@bp.get("/runs")
def list_runs() -> Response:
    """Runs in pages; `next` is the address of the following one."""
    query = list_query.from_query(request.args)
    with database().read() as session:
        page = runs.page(
            session,
            query.wanted,
            sort=query.sort,
            descending=query.descending,
            after=query.after,
            limit=query.limit,
        )
        listed = [_brief(found) for found in page.runs]
    following = (
        list_query.address("api.list_runs", request.args, after=list_query.cursor(page))
        if page.after
        else None
    )
    return jsonify(runs=listed, next=following)


@bp.get("/runs/<run_id>")
def run(run_id: str) -> Response:
    """One run: what was asked for, how far it is, and its figures once there."""
    with database().read() as session:
        found = runs.get(session, run_id)
        body = described(found) | {"metrics": found.metrics, "links": links.of_run(run_id)}
        if found.status == "PENDING":
            body["waiting_before"] = runs.waiting_before(session, found)
    response = jsonify(body)
    if found.ended:
        response.set_etag(f"{found.status}-{found.result_hash}-{hash_of_notes(found)}", weak=True)
        response.make_conditional(request)
    return response


@bp.patch("/runs/<run_id>")
def annotate(run_id: str) -> ResponseReturnValue:
    """Change name, notes, tags or star of a run."""
    values = annotation.parse(json_object())
    with database().write() as session:
        found = runs.annotate(session, run_id, **values)
        return jsonify(described(found))


@bp.delete("/runs/<run_id>")
def delete(run_id: str) -> ResponseReturnValue:
    """Delete an ended run with everything it has."""
    with database().write() as session:
        runs.remove(session, run_id)
    return "", 204


@bp.get("/rules")
def list_rules() -> Response:
    """Every rule with its parameters."""
    return jsonify(rules=[_rule(name) for name in rules.names()])


@bp.get("/symbols")
def list_symbols() -> Response:
    """What has prices, with the range of each; `q` searches."""
    limit = query_number("limit", 200, 1, 1_000)
    with database().read() as session:
        found = datasets.current(session, text=request.args.get("q", "")[:32], limit=limit)
    return jsonify(symbols=[symbol_json(stored) for stored in found])


@bp.get("/metrics")
def list_metrics() -> Response:
    """Every figure with its formula, its conventions and how other tools define it."""
    return jsonify(metrics=catalogue.as_json())


def symbol_json(stored: Any) -> dict[str, Any]:
    """A symbol with the range of its prices."""
    return {
        "symbol": stored.symbol,
        "first_bar": stored.first_bar.date().isoformat(),
        "last_bar": stored.last_bar.date().isoformat(),
        "bars": stored.bars,
        "timeframe": stored.timeframe,
        "source": stored.source,
        "data_hash": stored.data_hash,
    }


def _brief(found: Run) -> dict[str, Any]:
    moments = {
        name: getattr(found, name) and getattr(found, name).isoformat().replace("+00:00", "Z")
        for name in ("created_at", "started_at", "completed_at")
    }
    plain = (
        "run_id",
        "status",
        "stage",
        "progress",
        "error_code",
        "error_message",
        "symbols",
        "rule_type",
        "params",
        "total_return",
        "sharpe_ratio",
        "max_drawdown",
        "num_trades",
        "name",
        "tags",
        "starred",
    )
    dates = {name: getattr(found, name).isoformat() for name in ("start_date", "end_date")}
    return {name: getattr(found, name) for name in plain} | dates | moments


def _rule(name: str) -> dict[str, Any]:
    rule = rules.get(name)
    return {
        "name": rule.name,
        "label": rule.label,
        "help": rule.help,
        "params": [_field(field) for field in rule.params],
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "help": field.help,
        "unit": field.unit,
        "required": field.required,
        "allowed": field.allowed,
        "schema": field.schema(),
    }
