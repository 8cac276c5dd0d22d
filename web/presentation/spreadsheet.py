"""Texts of clients in files that a spreadsheet opens."""

from __future__ import annotations

from typing import Any, Final

_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: Any) -> Any:
    """The value, a text with an apostrophe in front where a spreadsheet would take it for a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(_RISKY) else value
