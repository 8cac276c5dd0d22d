"""Combinations of a search space by their number: nothing is listed, so a space may be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Ints
from backtest.fields import Value
from backtest.studies.space import Axis

ROUNDS: Final = 6
LARGEST: Final = 2**62
"""The most combinations of a space: numbers must stay within 64 bits."""
_MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def size(axes: Sequence[Axis]) -> int:
    """How many combinations there are."""
    count = 1
    for axis in axes:
        count *= len(axis.values)
    return count


def places(axes: Sequence[Axis], numbers: Ints) -> list[Ints]:
    """Of each axis the place of its value in these combinations; the last axis varies fastest."""
    rest, found = numbers, []
    for axis in reversed(axes):
        rest, place = np.divmod(rest, len(axis.values))
        found.append(place)
    return found[::-1]


def values_at(axes: Sequence[Axis], number: int) -> dict[str, Value]:
    """The combination of this number, by name."""
    return dict(zip((axis.name for axis in axes), combinations_at(axes, np.array([number]))[0], strict=True))


def combinations_at(axes: Sequence[Axis], numbers: Ints) -> list[tuple[Value, ...]]:
    """The combinations of these numbers, each with a value of every axis in their order."""
    if not axes:
        return [()] * len(numbers)
    columns = [
        map(axis.values.__getitem__, chosen.tolist())
        for axis, chosen in zip(axes, places(axes, numbers), strict=True)
    ]
    return list(zip(*columns, strict=True))


def distinct_at(
    axes: Sequence[Axis], numbers: Ints, chosen: Sequence[Axis]
) -> tuple[list[tuple[Value, ...]], Ints]:
    """The different combinations of the chosen axes among these of all axes, and the place of each one's."""
    if len(chosen) in (0, len(axes)):  # all combinations are the same, or all are different
        return (combinations_at(axes, numbers), np.arange(len(numbers))) if chosen else ([()], 0 * numbers)
    codes = np.zeros(len(numbers), np.int64)
    for axis, place in zip(axes, places(axes, numbers), strict=True):
        if axis in chosen:
            codes = codes * len(axis.values) + place
    different, found = np.unique(codes, return_inverse=True)
    return combinations_at(chosen, different), found


def columns_at(axes: Sequence[Axis], numbers: Ints) -> dict[str, NDArray[Any]]:
    """The values of each axis in these combinations, one array a name."""
    chosen = places(axes, numbers)
    return {axis.name: np.array(axis.values)[place] for axis, place in zip(axes, chosen, strict=True)}


def shuffled(count: int, seed: int, numbers: Ints) -> Ints:
    """Where a permutation of 0 … count - 1 puts these numbers: a sample without replacement, by index.

    A Feistel network over the smallest even number of bits that holds `count`, walked until the number is
    one of them (Black and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002). The same count and
    seed give the same permutation on any machine.
    """
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    moved = numbers.astype(np.uint64)
    outside = np.ones(len(moved), np.bool_)
    while outside.any():
        moved[outside] = _encrypted(moved[outside], half, seed)
        outside = moved >= np.uint64(count)
    return moved.astype(np.int64)


def _encrypted(numbers: NDArray[np.uint64], half: int, seed: int) -> NDArray[np.uint64]:
    bits, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = numbers >> bits, numbers & mask
    for turn in range(ROUNDS):
        left, right = right, left ^ (_mixed(right, seed * ROUNDS + turn) & mask)
    joined: NDArray[np.uint64] = (left << bits) | right
    return joined


def _mixed(numbers: NDArray[np.uint64], key: int) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) over number and key."""
    start = np.uint64(key * int(_MIX[0]) % 2**64)
    mixed = (numbers + start) * _MIX[0] + start
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[1]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[2]
    return mixed ^ (mixed >> np.uint64(31))
