"""What the HTTP interface answers about what of a result survives, field by field."""

from __future__ import annotations

from typing_extensions import TypedDict

from web.api.schema_types import Json, Timestamp


class Robustness(TypedDict):
    """How far it is, and what was found last; status is null where it was never asked for."""

    run_id: str
    status: str | None
    asked_at: Timestamp | None
    completed_at: Timestamp | None
    error_code: str | None
    error_message: str | None
    robustness: Json | None
    links: dict[str, str]
