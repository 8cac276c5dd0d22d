"""Plugins that libraries look for among all installed packages, and import without being asked.

pydantic imports what is announced under `pydantic`, Alembic `alembic.plugins`, Numba `numba_extensions`. A package of
rules could announce itself there, and its code would run in the web, the dispatcher and persist, with their secrets.
None of ours needs a plugin, so that libraries find none.
"""

from __future__ import annotations

import os
from importlib import metadata
from typing import Any


def refuse() -> None:
    """From now on, libraries of this process and its children find no plugins; to be called before they are loaded."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # it keeps its own reference to the function
    metadata.entry_points = _none  # type: ignore[assignment]


def _none(**_selection: Any) -> metadata.EntryPoints:
    return metadata.EntryPoints()
