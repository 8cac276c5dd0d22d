"""Presets: saved values of the submit form, each the property of the client that saved it first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, undefer

from store.errors import Conflict, NotAllowed
from store.models import Preset
from store.queries.statements import changed_rows

MOST = 500


def save(
    session: Session,
    name: str,
    body: Mapping[str, Any],
    *,
    client: str | None = None,
    is_admin: bool = True,
    now: datetime,
) -> tuple[Preset, bool]:
    """Store the body under this name, in place of the body that the name had; the preset, and whether it is new.

    Raises
    ------
    NotAllowed
        If the name is another client's, and this one is no admin.
    Conflict
        If the preset is new, and there are as many as there may be.
    """
    preset = session.scalars(select(Preset).where(Preset.name == name).with_for_update()).first()
    is_new = preset is None
    if preset is None:
        _require_room(session)
        preset = Preset(name=name, client=client, created_at=now)
        session.add(preset)
    elif preset.client != client and not is_admin:
        raise NotAllowed(
            f"the preset {name!r} was saved by another client: choose another name, or ask an admin to change it"
        )
    preset.body, preset.updated_at = dict(body), now
    session.flush()
    return preset, is_new


def list_all(session: Session, *, with_bodies: bool = False) -> Sequence[Preset]:
    """All presets by name; their bodies are loaded on request only."""
    query = select(Preset).order_by(Preset.name)
    return session.scalars(query.options(undefer(Preset.body)) if with_bodies else query).all()


def find(session: Session, preset_id: int) -> Preset | None:
    """The preset of that id with its body, or None."""
    return session.get(Preset, preset_id, options=[undefer(Preset.body)])


def remove(session: Session, preset_id: int) -> bool:
    """Delete a preset; false where there was none."""
    return changed_rows(session, delete(Preset).where(Preset.id == preset_id)) == 1


def _require_room(session: Session) -> None:
    count = session.scalar(select(func.count()).select_from(Preset)) or 0
    if count >= MOST:
        raise Conflict(f"there are {count} presets, the most that are stored: delete one that is not used")
