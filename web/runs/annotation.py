"""What people add to a run afterwards: a name, notes, tags, a star."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from backtest.errors import FieldError, InvalidRequest
from backtest.fields import Field, parse_fields
from store.models import Run
from store.queries import audit, runs
from store.queries.audit import Action
from web import quota
from web.auth.authentication import actor
from web.services import now

FIELDS = (
    Field(name="name", kind="text", label="Name", max_length=200, help="Name of the run."),
    Field(name="notes", kind="text", label="Notes", max_length=10_000, help="Notes on the run."),
    Field(name="starred", kind="bool", label="Star", help="Whether the run is starred."),
)
MOST_TAGS = 20
LONGEST_TAG = 40


def parse(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The given annotations, checked; those not given are not touched."""
    rest = {name: value for name, value in raw.items() if name != "tags"}
    values, errors = parse_fields(FIELDS, rest)
    given: dict[str, Any] = {name: value for name, value in values.items() if rest.get(name) is not None}
    if "tags" in raw:
        given["tags"] = _tags(raw["tags"], errors)
    if not given and not errors:
        errors.append(FieldError("", "at least one of name, notes, tags, starred is required"))
    if errors:
        raise InvalidRequest(errors)
    return given


def store(session: Session, run_id: str, values: Mapping[str, Any]) -> Run:
    """Annotate the run; the audit trail names what changed, where anything does."""
    before = {name: getattr(runs.get(session, run_id), name) for name in values}
    changes = {
        name: {"from": before[name], "to": value} for name, value in values.items() if value != before[name]
    }
    run = runs.annotate(session, run_id, **values)
    if changes:
        quota.spend(session)
        audit.record(session, actor(), Action.RUN_ANNOTATE, run_id, now=now(), **changes)
    return run


def digest(run: Run) -> str:
    """A part of ETags that changes with the annotations, which alone can change about an ended run."""
    return format(zlib.crc32(repr((run.name, run.notes, run.tags, run.starred)).encode()), "x")


def _tags(raw: object, errors: list[FieldError]) -> list[str]:
    listed = raw.split(",") if isinstance(raw, str) else raw
    if isinstance(listed, list) and all(isinstance(tag, str) for tag in listed):
        tags = list(dict.fromkeys(tag.strip() for tag in listed if tag.strip()))
        if len(tags) <= MOST_TAGS and all(len(tag) <= LONGEST_TAG and tag.isprintable() for tag in tags):
            return tags
    message = f"must be at most {MOST_TAGS} tags of at most {LONGEST_TAG} printable characters"
    errors.append(FieldError("tags", message, raw))
    return []
