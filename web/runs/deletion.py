"""Deletes runs; what remains of one is its entry in the audit trail."""

from __future__ import annotations

from sqlalchemy.orm import Session

from store.queries import audit, runs
from store.queries.audit import Action
from web.auth.authentication import actor
from web.services import now


def delete(session: Session, run_id: str) -> None:
    """Delete an ended run with everything it has."""
    run = runs.get(session, run_id)
    was = {
        "status": run.status,
        "submitted_by": run.client,
        "rule_type": run.rule_type,
        "symbols": run.symbols,
        "name": run.name,
        "result_hash": run.result_hash,
    }
    runs.remove(session, run_id)
    audit.record(session, actor(), Action.RUN_DELETE, run_id, now=now(), **was)
