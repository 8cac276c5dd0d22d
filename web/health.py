"""Is it alive, can it serve, how is it doing."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from store.errors import SchemaBehind
from store.queries import run_list, slo
from web.errors import problem
from web.services import database, now, services

bp = Blueprint("health", __name__)


@bp.get("/health")
def health() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "ok"}


@bp.get("/ready")
def ready() -> Response | dict[str, str]:
    """Ready when the database answers and its schema is the one this release needs."""
    try:
        services().require_ready()
    except SchemaBehind as behind:
        return problem(503, str(behind))
    except SQLAlchemyError:
        return problem(
            503, "the database is unreachable; check DATABASE_URL and that the database is running"
        )
    return {"status": "ready"}


@bp.get("/metrics")
def metrics() -> Response:
    """Runs by status and the status of their objective; read from the database, so every replica answers the same."""
    registry = CollectorRegistry()
    gauge = Gauge("stock_backtest_runs", "Stored runs by status", ["status"], registry=registry)
    with database().read() as session:
        for status, count in run_list.count_by_status(session).items():
            gauge.labels(status).set(count)
        measured = slo.measure(session, now=now())
    for name, help_text, value in (
        (
            "runs_due",
            "Runs submitted in the hour before the last five minutes, excluding cancelled ones",
            measured.due,
        ),
        ("runs_on_time", "Of runs_due, those that succeeded within five minutes", measured.on_time),
        ("oldest_pending_seconds", "Waiting time of the oldest pending run", measured.oldest_pending_seconds),
    ):
        Gauge(f"stock_backtest_{name}", help_text, registry=registry).set(value)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
