"""Numbers with thousands, a currency before them and a unit behind them, read by their bytes in one pass.

What is written in any other way is left to the patterns of `numbers`, which are slower by far.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats
from backtest.prices.reading.cells.columns import Column, text_bytes

UNITS: Final = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "%": 0.01}

_OTHER, _DIGIT, _POINT, _COMMA, _SIGN, _DOLLAR, _UNIT = range(7)


def _classes() -> NDArray[np.uint8]:
    """The class of each byte."""
    classes = np.full(256, _OTHER, np.uint8)
    classes[ord("0") : ord("9") + 1] = _DIGIT
    for letters, kind in ((".", _POINT), (",", _COMMA), ("+-", _SIGN), ("$", _DOLLAR), ("KMBTkmbt%", _UNIT)):
        classes[[ord(letter) for letter in letters]] = kind
    return classes


def _factors() -> Floats:
    factors = np.ones(256)
    for unit, factor in UNITS.items():
        factors[[ord(unit), ord(unit.lower())]] = factor
    return factors


_CLASSES: Final = _classes()
_FACTORS: Final = _factors()
_SWAPPED: Final = np.arange(256, dtype=np.uint8)
_SWAPPED[[ord("."), ord(",")]] = ord(","), ord(".")


def read_plain(text: Column, *, decimal: str) -> tuple[Floats, Flags]:
    """(T,) values, and whether each cell was read; NaN where it was not."""
    content, places = text_bytes(text)
    if decimal == ",":
        content = _SWAPPED[content]
    classes, start, stop = _CLASSES[content], places[:-1], places[1:]
    read = stop > start
    cell = np.repeat(np.arange(len(start)), stop - start)
    read[cell[classes == _OTHER]] = False
    _only_at(classes == _DOLLAR, start, cell, read)
    after_dollar = (
        start + (classes[np.minimum(start, len(classes) - 1)] == _DOLLAR) if len(classes) else start
    )
    _only_at(classes == _SIGN, after_dollar, cell, read)
    _only_at(classes == _UNIT, stop - 1, cell, read)
    _check_groups(classes, places, after_dollar, cell, read)
    factors = (
        np.where(read, _FACTORS[content[np.maximum(stop - 1, 0)]], 1.0)
        if len(content)
        else np.ones(len(start))
    )
    kept = ((classes == _DIGIT) | (classes == _POINT) | (content == ord("-"))) & read[cell]
    values, read = _cast(content[kept], np.bincount(cell[kept], minlength=len(start)), read)
    return in_units(values, factors), read


def in_units(values: Floats, factors: Floats) -> Floats:
    """Values times the factors of their units: 1.43B is a whole number, which the product may miss by its last bit."""
    scaled = values * factors
    whole = np.rint(scaled)
    return np.where((factors > 1) & (np.abs(scaled - whole) <= 1e-12 * np.abs(whole)), whole, scaled)


def _only_at(found: Flags, allowed: NDArray[np.int64], cell: NDArray[np.intp], read: Flags) -> None:
    """Leave unread the cells that have a byte of a class anywhere but at its one place."""
    places = np.flatnonzero(found)
    cells = cell[places]
    read[cells[places != allowed[cells]]] = False


def _check_groups(
    classes: NDArray[np.uint8],
    places: NDArray[np.int64],
    first: NDArray[np.int64],
    cell: NDArray[np.intp],
    read: Flags,
) -> None:
    """Leave unread the cells whose commas do not part groups of three digits in front of the point."""
    commas = np.flatnonzero(classes == _COMMA)
    if not len(commas):
        return
    ends_digits = np.append(classes != _DIGIT, True)
    ends_digits[places[1:]] = True
    ends = np.flatnonzero(ends_digits)
    following = ends[np.searchsorted(ends, commas, side="right")]
    cells = cell[commas]
    wrong = following - commas != 4
    before = np.concatenate(([-1], commas[:-1]))
    leads = np.concatenate(([True], cells[1:] != cells[:-1]))
    signed = first[cells] + (classes[np.minimum(first[cells], len(classes) - 1)] == _SIGN)
    leading = commas - signed
    wrong |= leads & ((leading < 1) | (leading > 3))
    wrong |= ~leads & (commas - before != 4)
    points = np.flatnonzero(classes == _POINT)
    first_point = np.full(len(places) - 1, places[-1])
    np.minimum.at(first_point, cell[points], points)
    wrong |= commas > first_point[cells]
    read[cells[wrong]] = False


def _cast(content: NDArray[np.uint8], lengths: NDArray[np.intp], read: Flags) -> tuple[Floats, Flags]:
    """Texts of digits, a point and a minus as numbers: by Arrow, whose last bit is right."""
    rows = np.flatnonzero(read & (lengths > 0))
    values = np.full(len(lengths), np.nan)
    places = np.concatenate(([0], np.cumsum(lengths[rows]))).astype(np.int32)
    buffers: list[Any] = [None, pa.py_buffer(places.data), pa.py_buffer(np.ascontiguousarray(content).data)]
    texts: Any = pa.Array.from_buffers(pa.string(), len(rows), buffers)
    try:
        values[rows] = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # two points, or a point alone: one of them makes the patterns read them all
        return values, np.zeros(len(lengths), np.bool_)
    return values, np.isfinite(values)
