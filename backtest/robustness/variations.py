"""The same run filled at other prices, and begun on other days."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from backtest.arrays import Floats
from backtest.prices.bars import Bars
from backtest.prices.calendar import stamp
from backtest.robustness.basis import Basis, shown

STARTS: Final = 20
FILLS: Final = ("next_open", "close", "worst")
_BOUNDS: Final = {"long_only": (0.0, 1.0), "long_short": (-1.0, 1.0), "short_only": (-1.0, 0.0)}


def fills(basis: Basis) -> list[dict[str, Any]]:
    """The figures with fills at the next open, at the signal's own close, and at the worst price of the next bar."""
    opened, closed = (replace(basis.config, fill=fill) for fill in ("next_open", "close"))
    found = (
        basis.simulated(config=opened),
        basis.simulated(config=closed),
        basis.simulated(config=opened, bars=worst(basis)),
    )
    return [{"fill": name, "figures": basis.figures(done)} for name, done in zip(FILLS, found, strict=True)]


def worst(basis: Basis) -> Bars:
    """Bars that open at their high where the bar before asks for more, at their low where it asks for less.

    All else stands: closes, highs, lows, and the opens of bars that fill no signal.
    """
    bars, wished = basis.aligned.bars, _standing(basis.target)
    low, high = _BOUNDS[basis.config.direction]
    held = np.clip(wished, low, high)
    change = np.diff(np.vstack((np.zeros((1, held.shape[1])), held)), axis=0)
    before = np.vstack((np.zeros((1, held.shape[1])), change[:-1]))
    opens = np.where(before > 0, bars.high, np.where(before < 0, bars.low, bars.open))
    return replace(bars, open=opens)


def starts(basis: Basis) -> list[dict[str, Any]]:
    """The figures of the run begun on each of its first 20 bars; fewer where the range is short."""
    count = min(STARTS, max(1, len(basis.aligned.bars) // 2))
    return [_begun(basis, bar) for bar in range(count)]


def _begun(basis: Basis, bar: int) -> dict[str, Any]:
    done, account = basis.begun(bar)
    return {"first_bar": stamp(done.times[0]), "figures": shown(account)}


def _standing(target: Floats) -> Floats:
    """The last stated target at each bar, 0 before the first."""
    stated = ~np.isnan(target)
    last = np.maximum.accumulate(np.where(stated, np.arange(len(target))[:, None], -1), axis=0)
    found = np.take_along_axis(np.nan_to_num(target), np.maximum(last, 0), axis=0)
    return np.where(last >= 0, found, 0.0)
