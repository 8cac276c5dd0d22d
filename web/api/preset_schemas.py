"""What the HTTP interface answers for presets of the form."""

from __future__ import annotations

from typing_extensions import TypedDict

from web.api.schema_types import Json, Timestamp


class Preset(TypedDict):
    """Saved values of the form."""

    id: int
    name: str
    request: Json
    created_at: Timestamp
    updated_at: Timestamp


class Presets(TypedDict):
    """Every preset."""

    strategies: list[Preset]
