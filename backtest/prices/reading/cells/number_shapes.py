"""Cells of numbers by their shape: one cell of each shape is understood by a pattern, the others by their place in it.

A column of a million prices has a handful of shapes, as ``$d,ddd.dd``. Cells of one shape have their digits at the
same places, so that all of them are read at once. The digits become a whole number and that is divided by a power of
ten: both are exact in float64, so that the quotient is the number that is written, to its last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats
from backtest.prices.reading.cells.columns import Bytes, Column, by_length, text_bytes, texts_alike
from backtest.prices.reading.cells.number_patterns import in_units, read_each, understand

_BLOCK: Final = 1 << 16
_LONGEST: Final = 48
"""Bytes of a cell that is read by its shape."""
_MOST_SHAPES: Final = 100
_MOST_DIGITS: Final = 15
"""Every whole number of so many digits is a float64."""
_DIGITS_OF_INT32: Final = 9
_ZERO: Final = ord("0")


@dataclass(frozen=True, slots=True)
class _Shape:
    """One shape and what its cells say.

    Parameters
    ----------
    signs : the bytes that are no digit, less the one of ``0``, by their place
    digits : places of the digits
    number : one cell of it as digits with a decimal point and nothing else
    negative : whether brackets say that it is negative
    factor : of the unit
    missing, unreadable : whether its cells say that there is no number, or are none
    """

    signs: tuple[tuple[int, int], ...]
    digits: tuple[int, ...]
    number: str
    negative: bool
    factor: float
    missing: bool
    unreadable: bool

    def fits(self, cells: Bytes) -> Flags:
        """Which of the (L, T) cells have this shape."""
        fits = np.ones(cells.shape[1], np.bool_)
        for place, sign in self.signs:
            fits &= cells[place] == sign
        for place in self.digits:
            fits &= cells[place] <= 9
        return fits

    def values(self, cells: Bytes) -> Floats:
        """The numbers of the (L, T) cells, which have this shape."""
        exact = len(self.digits) <= _MOST_DIGITS and "e" not in self.number.lower()
        values = self._quotients(cells) if exact else self._cast(cells)
        values = values if self.factor == 1 else in_units(values, self.factor)
        return -values if self.negative else values

    def _quotients(self, cells: Bytes) -> Floats:
        whole = np.zeros(cells.shape[1])
        for start in range(0, len(self.digits), _DIGITS_OF_INT32):
            places = self.digits[start : start + _DIGITS_OF_INT32]
            part = np.zeros(cells.shape[1], np.int32)
            for place in places:
                part *= 10
                part += cells[place]
            whole = whole * 10.0 ** len(places) + part
        scale = 10.0 ** len(self.number.partition(".")[2])
        return whole / (-scale if self.number.startswith("-") else scale)

    def _cast(self, cells: Bytes) -> Floats:
        """By Arrow, whose last bit is right where the digits are more than a float64 holds."""
        places = iter(self.digits)
        texts = np.empty((cells.shape[1], len(self.number)), np.uint8)
        for at, letter in enumerate(self.number):
            texts[:, at] = cells[next(places)] + _ZERO if letter.isdigit() else ord(letter)
        return np.array(texts_alike(texts).cast(pa.float64()).to_numpy(zero_copy_only=False))


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What a block of T cells says, as far as it was read: (T,) each."""

    values: Floats
    missing: Flags
    unreadable: Flags
    read: Flags

    def take(self, shape: _Shape, cells: Bytes, rows: NDArray[np.intp]) -> None:
        """Take the cells of one shape."""
        self.read[rows] = True
        if shape.missing or shape.unreadable:
            self.missing[rows], self.unreadable[rows] = shape.missing, shape.unreadable
            return
        values = shape.values(cells)
        finite = np.isfinite(values)
        self.values[rows] = np.where(finite, values, np.nan)
        self.unreadable[rows] = ~finite


_Known = dict[int, list[_Shape]]


def read_texts(text: Column, decimal: str) -> tuple[Floats, Flags, Flags]:
    """(T,) values with NaN where there is none, (T,) missing, (T,) unreadable."""
    known: _Known = {}
    blocks = [_block(text.slice(start, _BLOCK), decimal, known) for start in range(0, len(text), _BLOCK)]
    values, missing, unreadable = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return values, missing, unreadable


def _block(text: Column, decimal: str, known: _Known) -> tuple[Floats, Flags, Flags]:
    """What can be read by its shape, and the rest cell by cell."""
    empty = np.diff(text_bytes(text)[1]) == 0
    numbers = _Numbers(np.full(len(text), np.nan), empty.copy(), np.zeros(len(text), np.bool_), empty)
    for rows, cells in by_length(text, _LONGEST):
        _read_alike(np.ascontiguousarray(cells.T) - np.uint8(_ZERO), rows, decimal, known, numbers)
    values, missing, unreadable = numbers.values, numbers.missing, numbers.unreadable
    left = np.flatnonzero(~numbers.read)
    if len(left):
        values[left], missing[left], unreadable[left] = read_each(text.take(left), decimal)
    return values, missing, unreadable


def _read_alike(cells: Bytes, rows: NDArray[np.intp], decimal: str, known: _Known, numbers: _Numbers) -> None:
    """Read the (L, T) cells of one length, shape by shape."""
    shapes = known.setdefault(len(cells), [])
    place = 0
    while len(rows):
        if place == len(shapes):
            if sum(map(len, known.values())) >= _MOST_SHAPES:
                return
            shapes.append(_shape_of(cells[:, 0], decimal))
        fits = shapes[place].fits(cells)
        if fits.all():
            numbers.take(shapes[place], cells, rows)
            return
        if fits.any():
            numbers.take(shapes[place], cells[:, fits], rows[fits])
            cells, rows = cells[:, ~fits], rows[~fits]
        place += 1


def _shape_of(cell: Bytes, decimal: str) -> _Shape:
    """The shape of one cell, by what the patterns understand of it."""
    places = tuple(int(place) for place in np.flatnonzero(cell <= 9))
    signs = tuple((int(place), int(cell[place])) for place in np.flatnonzero(cell > 9))
    text = pa.array([(cell + np.uint8(_ZERO)).tobytes().decode("utf-8", "replace")])
    found = understand(text, decimal)
    return _Shape(
        signs, places, str(found.digits[0]), bool(found.bracketed[0]), float(found.factor[0]),
        bool(found.missing[0]), bool(found.unreadable[0]),
    )  # fmt: skip
