"""What of a result survives, as the database holds it."""

from __future__ import annotations

from flask import url_for
from sqlalchemy.orm import Session

from store.queries import runs
from store.queries.studies import robustness
from web.robustness import schemas


def read(session: Session, run_id: str) -> schemas.Robustness:
    """How far it is and what was found last; raises where there is no such run."""
    runs.get(session, run_id)
    found = robustness.find(session, run_id)
    return {
        "run_id": run_id,
        "status": found.status if found else None,
        "asked_at": found.created_at.isoformat() if found else None,
        "completed_at": found.completed_at.isoformat() if found and found.completed_at else None,
        "error_code": found.error_code if found else None,
        "error_message": found.error_message if found else None,
        "robustness": robustness.answer_of(session, run_id),
        "links": {
            "self": url_for("robustness.show", run_id=run_id),
            "compute": url_for("robustness.ask", run_id=run_id),
            "page": url_for("result_page.show", run_id=run_id, tab="robustness"),
        },
    }
