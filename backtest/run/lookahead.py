"""Detect look-ahead: recompute a rule on data cut at random bars and compare its targets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from backtest.arrays import Flags, Floats
from backtest.prices.bars import Bars
from backtest.prices.calendar import stamp
from backtest.simulation.simulate import checked_target

CUTS: Final = 5
FREE_BARS: Final = 20_000
"""Bars that may always be recomputed; beyond them, `LONGEST` times the bars of the run."""
LONGEST: Final = 2

SAME: Final = 1e-9
"""Targets closer than this agree. They lie within -1…1 and rules mostly say exactly 1, 0 or -1; a rule
that sums over vectors may round its last bits differently on a shorter array, which is no look-ahead."""


class Targeting(Protocol):
    """The part of a rule that the check needs."""

    @property
    def warmup(self) -> int:
        """Bars before the first wanted position."""

    def target(self, bars: Bars) -> Floats:
        """Wanted exposure, (T, M)."""


@dataclass(frozen=True, slots=True)
class LookaheadCheck:
    """Whether past targets changed when the future was taken away.

    Parameters
    ----------
    checked : False if there were too few bars to cut
    cuts : dates of the last bar of each cut, oldest first
    peeks : whether a target changed
    date, symbol : where the first change was seen
    known, cut : the target with the future known, and without it; None is no change wanted
    """

    checked: bool
    cuts: tuple[str, ...] = ()
    peeks: bool = False
    date: str | None = None
    symbol: str | None = None
    known: float | None = None
    cut: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The result, ready for JSON."""
        first = {"date": self.date, "symbol": self.symbol, "known": self.known, "cut": self.cut}
        return {
            "checked": self.checked,
            "cuts": list(self.cuts),
            "peeks": self.peeks,
            "first_difference": first if self.peeks else None,
        }


def check_lookahead(
    rule: Targeting, bars: Bars, target: Floats, *, seed: str, start: int = 0, cuts: int = CUTS
) -> LookaheadCheck:
    """Recompute `rule` on `bars` cut at random places; targets before the cut must not change.

    Parameters
    ----------
    target : (T, M) what the rule says on all bars
    seed : any text, as a data hash; the same seed cuts at the same bars
    start : first trading bar; cuts lie behind it
    cuts : how many at most; fewer on long data, such that the bars recomputed stay within twice the run

    Raises
    ------
    InvalidTarget
        If the rule returns a wrong shape or value on fewer bars.
    """
    lengths = cut_lengths(len(bars), first=max(start, rule.warmup) + 2, seed=seed, cuts=cuts)
    dates = tuple(stamp(bars.times[length - 1]) for length in lengths)
    for length in lengths:
        part = bars.cut(0, length)
        before = checked_target(part, rule.target(part))
        differs = _differs(target[:length], before)
        if differs.any():
            row, column = np.unravel_index(int(np.argmax(differs)), differs.shape)
            known, cut = _shown(target[row, column]), _shown(before[row, column])
            return LookaheadCheck(True, dates, True, stamp(bars.times[row]), bars.symbols[column], known, cut)
    return LookaheadCheck(bool(lengths), dates)


def cut_lengths(count: int, *, first: int, seed: str, cuts: int = CUTS) -> list[int]:
    """Lengths from `first` to count - 1 at which to cut, ascending, their sum bounded; [] if none fits."""
    if first >= count:
        return []
    drawn = sorted({first + _draw(f"{seed} {number}", count - first) for number in range(cuts)})
    affordable = np.cumsum(drawn) <= max(FREE_BARS, LONGEST * count)
    return [length for length, fits in zip(drawn, affordable, strict=True) if fits]


def _draw(text: str, span: int) -> int:
    """A number from 0 to span - 1, evenly spread over texts; the same for ever and on any machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % span


def _differs(known: Floats, cut: Floats) -> Flags:
    same: Flags = (known == cut) | (np.isnan(known) & np.isnan(cut)) | (np.abs(known - cut) <= SAME)
    return ~same


def _shown(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
