"""The series that a rule compares, for a chart: each with a name and the scale it is drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from backtest.arrays import Floats

PRICE: Final = "price"
"""The pane of what has the scale of a price; every other pane is named after what is in it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a rule, (T,) with NaN where it is not known, or one number where it is a level."""

    label: str
    values: Floats | float
    pane: str = PRICE
