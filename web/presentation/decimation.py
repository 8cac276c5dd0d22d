"""Curves for a screen: no more points than it can show, and every peak and trough among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]


def downsample(curves: Sequence[Floats], points: int) -> NDArray[np.intp]:
    """Indices that keep the first, last, lowest and highest bar of each bucket of each curve.

    Parameters
    ----------
    curves : (T,) arrays on the same bars
    points : about how many indices may come back; all are kept where there are no more

    Returns
    -------
    ascending indices, the first and last bar always among them
    """
    length = len(curves[0])
    if length <= points:
        return np.arange(length)
    buckets = max(1, points // (2 * len(curves)))
    width = -(-length // buckets)
    indices = [np.array([0, length - 1])]
    indices += [extremes for curve in curves for extremes in _extremes(curve, width)]
    return np.unique(np.concatenate(indices))


def _extremes(curve: Floats, width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    length = len(curve)
    whole = length // width * width
    starts = np.arange(0, whole, width)
    table = np.nan_to_num(curve[:whole].reshape(-1, width))
    lowest, highest = starts + table.argmin(axis=1), starts + table.argmax(axis=1)
    if whole < length:
        rest = np.nan_to_num(curve[whole:])
        lowest = np.append(lowest, whole + rest.argmin())
        highest = np.append(highest, whole + rest.argmax())
    return lowest, highest


def between(times: Times, first: np.datetime64 | None, last: np.datetime64 | None) -> slice:
    """The bars from `first` to `last`, with one more on each side so that lines reach the edges."""
    low = 0 if first is None else int(np.searchsorted(times, first)) - 1
    high = len(times) if last is None else int(np.searchsorted(times, last, side="right")) + 1
    return slice(max(0, low), max(1, min(len(times), high)))


def as_lists(
    times: Times, curves: Mapping[str, Floats], points: int, *, digits: int = 10
) -> dict[str, list[float | int | None]]:
    """The curves at the bars that a screen needs: seconds since 1970 and one list of values each, so many digits."""
    chosen = downsample(list(curves.values()), points)
    seconds = times[chosen].astype("datetime64[s]").astype(np.int64)
    return {"times": seconds.tolist()} | {
        name: _finite(curve[chosen], digits) for name, curve in curves.items()
    }


def _finite(values: Floats, digits: int) -> list[float | int | None]:
    if np.isfinite(values).all():
        listed: list[float | int | None] = [float(f"{value:.{digits}g}") for value in values]
        return listed
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]
