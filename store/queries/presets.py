"""Presets: saved values of the submit form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.models import Preset
from store.queries.statements import changed_rows


def save(session: Session, name: str, body: Mapping[str, Any], *, now: datetime) -> Preset:
    """Store the body under this name, replacing the body that the name had."""
    preset = session.scalars(select(Preset).where(Preset.name == name).with_for_update()).first()
    if preset is None:
        preset = Preset(name=name, created_at=now)
        session.add(preset)
    preset.body, preset.updated_at = dict(body), now
    session.flush()
    return preset


def list_all(session: Session) -> Sequence[Preset]:
    """All presets by name."""
    return session.scalars(select(Preset).order_by(Preset.name)).all()


def find(session: Session, preset_id: int) -> Preset | None:
    """The preset of that id, or None."""
    return session.get(Preset, preset_id)


def remove(session: Session, preset_id: int) -> bool:
    """Delete a preset; false where there was none."""
    return changed_rows(session, delete(Preset).where(Preset.id == preset_id)) == 1
