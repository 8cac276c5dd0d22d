"""Parameters that many rules have."""

from __future__ import annotations

from backtest.fields import Field

_LONGEST = 5_000
"""Bars: twenty years of days."""


def bars(name: str, label: str, default: int, help: str, *, low: int = 1) -> Field:
    """A length in bars."""
    return Field(
        name=name, kind="int", label=label, default=default, low=low, high=_LONGEST, unit="bars", help=help
    )
