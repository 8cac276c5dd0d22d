"""The shape of a search space: is the best trial on a plateau or a peak, and which input matters?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats, Ints
from backtest.studies import sampling
from backtest.studies.space import Axis

MOST_CELLS: Final = 20_000_000
"""Cells times neighbours that are looked at; in larger spaces only the neighbours along each axis count."""
_AT_ONCE: Final = 65_536
"""Trials whose neighbours are gathered together."""


@dataclass(frozen=True, slots=True)
class Marginal:
    """What the trials with one value of an input have in common; None where no score of them is defined."""

    value: Any
    trials: int
    best: float | None
    median: float | None
    mean: float | None
    profitable: float

    def as_json(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def plateau(axes: Sequence[Axis], numbers: Ints, scores: Floats) -> Floats:
    """Of each trial the median score of itself and its neighbours on the grid, (N,).

    A neighbour differs by at most one step in every input. Neighbours that do not exist, or have no defined
    score, are left out.

    Parameters
    ----------
    numbers : (N,) number in the grid of each trial
    scores : (N,) NaN where undefined
    """
    shape = [len(axis.values) for axis in axes]
    grid = np.full(sampling.size(axes), np.nan)
    grid[numbers] = scores
    padded = np.pad(grid.reshape(shape), 1, constant_values=np.nan)
    steps = np.array(_steps(len(axes), len(grid))) @ (np.array(padded.strides) // padded.itemsize)
    medians = np.empty(len(numbers))
    for first in range(0, len(numbers), _AT_ONCE):
        own = slice(first, first + _AT_ONCE)
        inside = tuple(place + 1 for place in np.unravel_index(numbers[own], shape))
        places = np.ravel_multi_index(inside, padded.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no neighbour is defined: NaN
            medians[own] = np.nanmedian(padded.reshape(-1)[places + steps[:, None]], axis=0)
    return medians


def importance(axes: Sequence[Axis], params: Mapping[str, NDArray[Any]], scores: Floats) -> dict[str, float]:
    """Of each input the share of the scores' variance that its value alone explains, 0 to 1.

    Main effects of a functional analysis of variance, as Hutter, Hoos and Leyton-Brown, An Efficient Approach for
    Assessing Hyperparameter Importance, ICML (2014), on the trials themselves instead of on a forest fitted to
    them. What the inputs explain only together is in none of the shares.
    """
    known = ~np.isnan(scores)
    values = scores[known]
    if len(values) < 2 or not values.var() > 0.0:
        return {axis.name: 0.0 for axis in axes}
    return {axis.name: _explained(codes_of(axis, params[axis.name][known]), values) for axis in axes}


def marginals(
    axis: Axis, values: NDArray[Any], scores: Floats, returns: Floats, known: Flags
) -> list[Marginal]:
    """What the trials of each value of an input have in common, in the order of the axis."""
    codes = np.where(known, codes_of(axis, values), -1)
    return [_marginal(value, codes == place, scores, returns) for place, value in enumerate(axis.values)]


def _marginal(value: Any, chosen: Flags, scores: Floats, returns: Floats) -> Marginal:
    own = scores[chosen]
    own = own[~np.isnan(own)]
    count = int(chosen.sum())
    share = float(np.count_nonzero(returns[chosen] > 0)) / count if count else 0.0
    if not len(own):
        return Marginal(value, count, None, None, None, share)
    return Marginal(value, count, float(own.max()), float(np.median(own)), float(own.mean()), share)


def _explained(codes: Ints, values: Floats) -> float:
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / np.maximum(counts, 1)
    return float((counts * (means - values.mean()) ** 2).sum() / ((values - values.mean()) ** 2).sum())


def codes_of(axis: Axis, values: NDArray[Any]) -> Ints:
    """The place of each value on its axis."""
    numbers = np.array(axis.values)
    if numbers.dtype.kind in "if" and values.dtype == numbers.dtype:
        order = np.argsort(numbers)
        found: Ints = order[np.searchsorted(numbers[order], values)]
        return found
    known = {value: place for place, value in enumerate(axis.values)}
    return np.array([known[value] for value in values.tolist()], np.int64)


def _steps(width: int, cells: int) -> list[tuple[int, ...]]:
    if cells * 3**width <= MOST_CELLS:
        return list(product((-1, 0, 1), repeat=width))
    along = [
        tuple(sign if place == axis else 0 for place in range(width))
        for axis in range(width)
        for sign in (-1, 1)
    ]
    return [(0,) * width, *along]
