"""What the HTTP interface answers about the audit trail."""

from __future__ import annotations

from typing_extensions import TypedDict

from web.api.schema_types import Json, Timestamp


class AuditEntry(TypedDict):
    """One action: when, by which client, and on what."""

    id: int
    at: Timestamp
    client: str
    action: str
    target_kind: str
    target_id: str
    detail: Json


class AuditEntries(TypedDict):
    """A page of the audit trail, and the address of the next one."""

    entries: list[AuditEntry]
    next: str | None
