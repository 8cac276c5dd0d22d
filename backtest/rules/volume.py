"""Rules that read volume, on prices of which it is not known: refused, since they would never trade and say nothing."""

from __future__ import annotations

import numpy as np

from backtest.errors import FieldError, InvalidRequest
from backtest.prices.bars import Bars
from backtest.prices.calendar import stamp


class UnknownVolume(InvalidRequest):
    """A rule reads the volume of a symbol, and it is unknown; says where, and what can be done."""

    def __init__(self, symbol: str, where: str) -> None:
        text = (
            f"the volume of {symbol} is unknown {where}, and the rule reads volume; choose a rule or a formula "
            f"without volume, or import prices of {symbol} that have it"
        )
        super().__init__([FieldError("symbols", text, symbol)])


def refuse_unknown(symbol: str, unknown: int, bars: int) -> None:
    """Raise `UnknownVolume` where no bar has a volume."""
    if unknown >= bars:
        raise UnknownVolume(symbol, f"on all of its {bars:,} bars")


def require_volume(bars: Bars, first: int) -> None:
    """Raise `UnknownVolume` where the volume of a bar from index `first` on is unknown; bars of one symbol."""
    unknown = np.flatnonzero(np.isnan(bars.volume[:, 0]))
    refuse_unknown(bars.symbols[0], len(unknown), len(bars))
    read = unknown[unknown >= first]
    if len(read):
        where = f"on {len(read):,} of the {len(bars) - first:,} bars that it reads, first on {stamp(bars.times[read[0]])}"
        raise UnknownVolume(bars.symbols[0], where)
