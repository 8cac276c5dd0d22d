"""A diverging scale of colours around zero that is also read in grey, and without telling red from green."""

from __future__ import annotations

from typing import Final

_CIVIDIS: Final = (
    (0, 34, 78), (18, 53, 112), (59, 73, 108), (87, 93, 109), (112, 113, 115),
    (138, 134, 120), (165, 156, 116), (195, 179, 105), (225, 204, 85), (254, 232, 56),
)  # fmt: skip
"""Anchors of cividis (Nuñez, Anderton and Renslow 2018): from dark blue over grey to light yellow."""


def colour(value: float, reach: float, middle: float = 0.0) -> str:
    """The colour of a value: grey at the middle, the ends where it is `reach` away from it."""
    share = 0.5 + 0.5 * (value - middle) / reach if reach > 0 else 0.5
    place = min(max(share, 0.0), 1.0) * (len(_CIVIDIS) - 1)
    low = min(int(place), len(_CIVIDIS) - 2)
    part = place - low
    mixed = [round(a + (b - a) * part) for a, b in zip(_CIVIDIS[low], _CIVIDIS[low + 1], strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def steps(count: int = 11) -> list[str]:
    """The scale in so many steps, for its legend."""
    return [colour(2 * place / (count - 1) - 1, 1.0) for place in range(count)]
