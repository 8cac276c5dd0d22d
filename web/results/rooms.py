"""The rooms of a result page: their names, and those by which earlier releases linked to them."""

from __future__ import annotations

from typing import Final

from web.api.request_parsing import query_choice

ROOMS: Final = ("overview", "trades", "returns", "risk", "robustness", "settings")
FORMER: Final = {"stats": "overview", "portfolio": "trades", "equity": "returns", "drawdown": "risk"}


def asked_for() -> str:
    """The room that the address names, by its name of today; the overview where it names none."""
    name = query_choice("tab", "overview", (*ROOMS, *FORMER))
    return FORMER.get(name, name)
