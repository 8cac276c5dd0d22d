"""Makes the answers about studies from what the database holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.models import Study, StudyChunk

if TYPE_CHECKING:
    from datetime import datetime

    from web.studies import schemas


def brief(study: Study) -> schemas.Study:
    """A study as one row of a list."""
    return {
        "study_id": study.study_id,
        "status": study.status,
        "progress": study.progress,
        "kind": study.kind,
        "symbols": study.symbols,
        "rule_type": study.rule_type,
        "trials": study.trials,
        "refused": study.refused,
        "simulations": study.simulations,
        "chunks": study.chunks,
        "done_chunks": study.done_chunks,
        "missing_chunks": study.missing_chunks,
        "error_code": study.error_code,
        "error_message": study.error_message,
        "created_at": study.created_at.isoformat(),
        "started_at": _moment(study.started_at),
        "completed_at": _moment(study.completed_at),
        "result_hash": study.result_hash,
    }


def failure(chunk: StudyChunk) -> dict[str, object]:
    """Why a chunk is missing."""
    return {"number": chunk.number, "error_code": chunk.error_code, "error_message": chunk.error_message}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
