"""The audit trail: who did what, written in the transaction of the action itself."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, event, func, select
from sqlalchemy.orm import Session

from config import logs
from store.models import AuditEntry, StoredDataset
from store.queries.statements import changed_rows

_LONGEST_NAME = 128
_LONGEST_TEXT = 200
_MOST_ITEMS = 20
LONGEST_DETAIL = 2_000
MOST_PRUNED = 10_000
"""Entries that the retention deletes in one transaction."""
log = logs.get(__name__)


class Action(StrEnum):
    """What was done; the part before the dot is the kind of its target."""

    RUN_CANCEL = "run.cancel"
    RUN_ANNOTATE = "run.annotate"
    RUN_VERIFY = "run.verify"
    RUN_DELETE = "run.delete"
    RUN_RETRY = "run.retry"
    STUDY_CANCEL = "study.cancel"
    STUDY_FINISH = "study.finish"
    STUDY_DELETE = "study.delete"
    DATASET_UPLOAD = "dataset.upload"
    DATASET_IMPORT = "dataset.import"
    DATASET_SPLIT = "dataset.split"
    DATASET_REFRESH = "dataset.refresh"
    DATASET_RENAME = "dataset.rename"
    DATASET_DELETE = "dataset.delete"
    PRESET_CREATE = "preset.create"
    PRESET_CHANGE = "preset.change"
    PRESET_DELETE = "preset.delete"
    TOKEN_CREATE = "token.create"  # noqa: S105 an action # nosec B105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105 an action # nosec B105
    SESSION_OPEN = "session.open"
    SESSION_END = "session.end"
    DATABASE_RESTORE = "database.restore"
    AUDIT_PRUNE = "audit.prune"

    @property
    def kind(self) -> str:
        """What it is done to."""
        return self.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Actor:
    """The client that acts, and the name that people know it by, if it has one."""

    client: str
    name: str = ""


_RETENTION = Actor("system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are listed; an empty text is any."""

    action: str = ""
    client: str = ""
    target: str = ""


def record(
    session: Session, actor: Actor, action: Action, target: object, *, now: datetime, **detail: Any
) -> None:
    """Add the action to the trail; it is logged once the transaction is committed, and gone if it is not."""
    named = {"by": actor.name} if actor.name else {}
    entry = AuditEntry(
        at=now,
        client=actor.client[:_LONGEST_NAME],
        action=action,
        target_kind=action.kind,
        target_id=str(target)[:_LONGEST_NAME],
        detail=_bounded(named | detail),
    )
    session.add(entry)
    session.flush()
    event.listen(session, "after_commit", lambda _session: _log(entry), once=True)


def record_dataset(
    session: Session, actor: Actor, action: Action, stored: StoredDataset, *, now: datetime, **more: Any
) -> None:
    """Add to the trail what was done to prices."""
    about = {"symbol": stored.symbol, "bars": stored.bars, "source": stored.source} | more
    record(session, actor, action, stored.data_hash, now=now, **about)


def operator() -> Actor:
    """The user of the operating system under whom a command runs."""
    try:
        return Actor(f"cli:{getpass.getuser()}")
    except (KeyError, OSError):  # a container may run under a number that has no name
        return Actor(f"cli:{os.getuid()}")


def page(
    session: Session, conditions: Filter, *, before: int | None, limit: int
) -> tuple[Sequence[AuditEntry], int | None]:
    """Entries, the newest first, and the id before which the next page begins, if there is one."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    for column, value in (
        (AuditEntry.action, conditions.action),
        (AuditEntry.client, conditions.client),
        (AuditEntry.target_id, conditions.target),
    ):
        query = query.where(column == value) if value else query
    if before is not None:
        query = query.where(AuditEntry.id < before)
    entries = session.scalars(query).all()
    return entries[:limit], entries[limit - 1].id if len(entries) > limit else None


def prune(session: Session, *, until: datetime) -> int:
    """Delete the entries that are older; return their number."""
    return changed_rows(session, delete(AuditEntry).where(AuditEntry.at < until))


def retain(session: Session, *, days: int, now: datetime) -> int:
    """Delete entries older than so many days, `MOST_PRUNED` at once; 0 days retains all. Return their number."""
    oldest = session.scalar(select(func.min(AuditEntry.id))) if days else None
    if oldest is None:
        return 0
    old = AuditEntry.at < now - timedelta(days=days)
    count = changed_rows(session, delete(AuditEntry).where(old, AuditEntry.id < oldest + MOST_PRUNED))
    if count:
        record(session, _RETENTION, Action.AUDIT_PRUNE, "audit", now=now, days=days, deleted=count)
    return count


def _log(entry: AuditEntry) -> None:
    about = {"run_id": entry.target_id} if entry.target_kind == "run" else {"target": entry.target_id}
    log.info("audit", action=entry.action, client=entry.client, **about)


def _bounded(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The detail with long texts and lists cut; without its values where they are too many all the same."""
    cut = {name: _cut(value) for name, value in detail.items()}
    return cut if len(json.dumps(cut, ensure_ascii=False)) <= LONGEST_DETAIL else dict.fromkeys(cut, "…")


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else value[: _LONGEST_TEXT - 1] + "…"
    if isinstance(value, Mapping):
        return {name: _cut(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(part) for part in value[:_MOST_ITEMS]]
    return value
