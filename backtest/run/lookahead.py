"""Detect look-ahead: recompute a rule on bars cut at many places and compare its targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from backtest.arrays import Flags, Floats
from backtest.prices.bars import Bars
from backtest.prices.calendar import stamp
from backtest.run.cuts import Cut, choose_cuts
from backtest.run.targets import Targeting
from backtest.simulation.simulate import checked_target

FREE_BARS: Final = 250_000
"""Bars that may always be recomputed; beyond them, `LONGEST` times the bars of the run."""
LONGEST: Final = 2

SAME: Final = 1e-9
"""Targets closer than this agree. They lie within -1…1 and rules mostly say exactly 1, 0 or -1; a rule
that sums over vectors may round its last bits differently on a shorter array, which is no look-ahead."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A target that changed: where, what it was with the future known, and without; None is no change wanted."""

    date: str
    symbol: str
    known: float | None
    cut: float | None

    def as_json(self) -> dict[str, Any]:
        """The difference, ready for JSON."""
        return {"date": self.date, "symbol": self.symbol, "known": self.known, "cut": self.cut}


@dataclass(frozen=True, slots=True)
class LookaheadCheck:
    """Whether past targets changed when the future was taken away.

    Parameters
    ----------
    cuts : dates of the last bar of each cut, oldest first
    at_random, at_changes, at_extremes : how many of the cuts lie at random bars, at bars on which the target
        changes, and at the lowest and highest closes
    difference : the first change that was seen; None if there is none
    """

    cuts: tuple[str, ...] = ()
    at_random: int = 0
    at_changes: int = 0
    at_extremes: int = 0
    difference: Difference | None = None

    @property
    def checked(self) -> bool:
        """False if there were too few bars to cut."""
        return bool(self.cuts)

    @property
    def peeks(self) -> bool:
        """Whether a target changed."""
        return self.difference is not None

    def as_json(self) -> dict[str, Any]:
        """The result, ready for JSON."""
        return {
            "checked": self.checked,
            "cuts": list(self.cuts),
            "at_random": self.at_random,
            "at_changes": self.at_changes,
            "at_extremes": self.at_extremes,
            "peeks": self.peeks,
            "first_difference": self.difference.as_json() if self.difference else None,
        }


def check_lookahead(
    rule: Targeting,
    histories: Sequence[Bars],
    targets: Sequence[Floats],
    *,
    seed: str,
    starts: Sequence[int],
    passed: Callable[[int], None] | None = None,
) -> LookaheadCheck:
    """Recompute `rule` on each symbol's bars cut at many places; targets before a cut must not change.

    Parameters
    ----------
    targets : what the rule says on all bars of each symbol, (T, 1)
    seed : any text, as a data hash; the same seed cuts at the same bars
    starts : first traded bar of each symbol; cuts lie behind it
    passed : called behind each symbol with the number of its bars

    Raises
    ------
    InvalidTarget
        If the rule returns a wrong shape or value on fewer bars.
    """
    budget = max(FREE_BARS // len(histories), LONGEST * max(len(bars) for bars in histories))
    cuts = [
        (bars, target, choose_cuts(
            bars.close[:, 0], target[:, 0], first=max(start, rule.warmup) + 2, budget=budget,
            seed=f"{seed} {bars.symbols[0]}",
        ))
        for bars, target, start in zip(histories, targets, starts, strict=True)
    ]  # fmt: skip
    difference = None
    for bars, target, own in cuts:
        difference = next(filter(None, (_compared(rule, bars, target, cut) for cut in own)), None)
        if difference:
            break
        if passed:
            passed(len(bars))
    dates = sorted(stamp(bars.times[cut.length - 1]) for bars, _, own in cuts for cut in own)
    kinds = Counter(cut.kind for _, _, own in cuts for cut in own)
    return LookaheadCheck(tuple(dates), kinds["random"], kinds["change"], kinds["extreme"], difference)


def _compared(rule: Targeting, bars: Bars, target: Floats, cut: Cut) -> Difference | None:
    part = bars.cut(0, cut.length)
    before = checked_target(part, rule.target(part))
    differs = _differs(target[: cut.length], before)
    if not differs.any():
        return None
    row = int(np.argmax(differs[:, 0]))
    return Difference(stamp(bars.times[row]), bars.symbols[0], _shown(target[row, 0]), _shown(before[row, 0]))


def _differs(known: Floats, cut: Floats) -> Flags:
    same: Flags = (known == cut) | (np.isnan(known) & np.isnan(cut)) | (np.abs(known - cut) <= SAME)
    return ~same


def _shown(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
