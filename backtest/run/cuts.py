"""Where to cut the bars of a symbol to see whether a rule knew what came after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Final, Literal

import numpy as np

from backtest.arrays import Floats, Indices, Ints

Kind = Literal["random", "change", "extreme"]

_KINDS: Final[tuple[Kind, ...]] = ("random", "change", "change", "extreme")

CUTS: Final = 20
"""Cuts at random bars, and as many at bars on which the target changes; those at extremes are a few more."""
REWARDED: Final = CUTS // 2
"""Of the cuts at changes, those at the changes that the next close rewards most: where peeking pays."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The bars that remain: all before index `length`."""

    length: int
    kind: Kind


def choose_cuts(close: Floats, target: Floats, *, first: int, budget: int, seed: str) -> list[Cut]:
    """Cuts of every kind, shortest first, such that no more than `budget` bars remain in all of them together.

    Where the budget does not suffice for all, every kind gets its share, and the random cut in the last
    part of the bars comes first.

    Parameters
    ----------
    close, target : (T,) of one symbol
    first : the fewest bars that may remain
    seed : any text; the same one chooses the same cuts
    """
    changes = _changes(target, first)
    best = _most_rewarded(close, target, changes, REWARDED)
    others = np.setdiff1d(changes, best, assume_unique=True)
    random = [first + place for place in _spread(len(close) - first, CUTS, f"{seed} random")]
    more = [int(others[place]) + 1 for place in _spread(len(others), CUTS - len(best), f"{seed} change")]
    wanted = [
        Cut(length, kind)
        for lengths in zip_longest(random, (best + 1).tolist(), more, _extremes(close, first))
        for length, kind in zip(lengths, _KINDS, strict=True)
        if length is not None
    ]
    return sorted(_affordable(wanted, budget), key=lambda cut: cut.length)


def _extremes(close: Floats, first: int) -> list[int]:
    """Lengths that end on the lowest and the highest close, of all bars and of their last third.

    A rule that compares the whole sample with something, as its last close with its first, says the most
    different things there, though it may say the same on nearly every other length.
    """
    last = len(close) - 1
    thirds = (first - 1, max(first - 1, last - last // 3))
    ends = [
        low + int(find(close[low:last])) for low in thirds if low < last for find in (np.argmin, np.argmax)
    ]
    return [end + 1 for end in dict.fromkeys(ends)]


def _changes(target: Floats, first: int) -> Indices:
    """Bars whose target differs from that before, from `first` bars on, the last bar left out."""
    known = np.nan_to_num(target)
    at = np.flatnonzero(known[1:] != known[:-1]) + 1
    return at[(at >= first - 1) & (at < len(target) - 1)]


def _most_rewarded(close: Floats, target: Floats, changes: Indices, count: int) -> Indices:
    """The changes after which the next close moved most in their favour, best first."""
    step = np.nan_to_num(target[changes]) - np.nan_to_num(target[changes - 1])
    reward = step * np.log(close[changes + 1] / close[changes])
    return changes[np.argsort(-reward, kind="stable")[:count]]


def _affordable(wanted: list[Cut], budget: int) -> list[Cut]:
    """Those that fit into the budget, in their order of importance; of equal lengths the first."""
    chosen: dict[int, Cut] = {}
    for cut in wanted:
        if cut.length not in chosen and cut.length <= budget:
            chosen[cut.length] = cut
            budget -= cut.length
    return list(chosen.values())


def _spread(span: int, count: int, seed: str) -> list[int]:
    """Up to `count` numbers from 0 to span - 1, one from each of as many equal parts; the last part's first."""
    parts: Ints = np.linspace(0, max(span, 0), min(count, max(span, 0)) + 1).astype(np.int64)
    drawn = [int(low) + _draw(f"{seed} {low}", int(high - low)) for low, high in pairwise(parts)]
    return drawn[-1:] + sorted(drawn[:-1], key=lambda number: _draw(f"{seed} order {number}", 1 << 64))


def _draw(text: str, span: int) -> int:
    """A number from 0 to span - 1, evenly spread over texts; the same for ever and on any machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % span
