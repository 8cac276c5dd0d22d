"""Columns of a table as Arrow holds them, and what every reader of one needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from backtest.arrays import Flags

Column = Any
"""An Arrow array of T cells; what its values are is only known from its file."""

Bytes = NDArray[np.uint8]

compute: Any = pyarrow.compute
"""Arrow's functions on columns, whose stubs know only columns of types that are known beforehand."""


_TRIED = 64


def is_text(column: Column) -> bool:
    """Whether the cells are texts."""
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def flags(mask: Column) -> Flags:
    """A column of truth values as (T,) array, False where it is unknown."""
    return np.asarray(mask.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)


def integers(column: Column) -> NDArray[np.int64]:
    """A column of whole numbers without unknown ones as (T,) array."""
    return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)


def rows_of(column: Column, rows: NDArray[np.intp]) -> Column:
    """Some rows of a column; the column itself where they are all of it."""
    return column if len(rows) == len(column) else column.take(rows)


def cast_texts(text: Column, kind: pa.DataType) -> Column | None:
    """The texts as Arrow reads them, None where one is none of this kind.

    The first ones are tried alone: Arrow goes through a column to its end, whatever it met before.
    """
    try:
        for part in (text.slice(0, _TRIED), text):
            values = part.cast(kind)
    except pa.ArrowInvalid:
        return None
    return values


def text_at(column: Column, row: int) -> str:
    """A cell as text, empty where it is unknown.

    What Python has no value for, such as a day of the year 60,000, a nanosecond or a time of an unknown zone, is the
    number that the file holds; a text that is no UTF-8 is a replacement character.
    """
    cell = column[row]
    if not cell.is_valid:
        return ""
    try:
        return str(cell.as_py())
    except (ArithmeticError, ValueError, LookupError):
        return str(getattr(cell, "value", "\ufffd"))


def trimmed(column: Column) -> Column:
    """The column without spaces around its texts; other types as they are."""
    return compute.utf8_trim_whitespace(column) if is_text(column) else column


def is_empty(column: Column) -> Flags:
    """Whether each cell is unknown or an empty text."""
    if not is_text(column):
        return flags(column.is_null())
    return flags(compute.equal(compute.binary_length(column).fill_null(0), 0))


def text_bytes(text: Column) -> tuple[Bytes, NDArray[np.int64]]:
    """The bytes of all texts one after the other, and the (T + 1,) places where they begin and end."""
    kind = np.int64 if pa.types.is_large_string(text.type) else np.int32
    _, offsets, content = text.buffers()
    places = np.frombuffer(offsets, kind, len(text) + 1, offset=text.offset * np.dtype(kind).itemsize)
    whole = np.frombuffer(content, np.uint8) if content is not None else np.zeros(0, np.uint8)
    return whole[places[0] : places[-1]], places.astype(np.int64) - places[0]


def by_length(text: Column, longest: int) -> Iterator[tuple[NDArray[np.intp], Bytes]]:
    """Rows and (rows, length) bytes of all cells of one length, for each length up to the longest."""
    content, offsets = text_bytes(text)
    lengths = np.diff(offsets)
    for length in np.flatnonzero(np.bincount(lengths)[: longest + 1]):
        if length:
            rows = np.flatnonzero(lengths == length)
            yield rows, _cells(content, offsets[rows], int(length))


def _cells(content: Bytes, starts: NDArray[np.int64], length: int) -> Bytes:
    """The bytes of cells of one length, each taken in one go."""
    each = np.ndarray((len(content) - length + 1,), f"V{length}", buffer=content, strides=(1,))
    return each[starts].view(np.uint8).reshape(-1, length)


def texts_alike(texts: Bytes) -> Column:
    """A column of texts of one length from their (T, length) bytes."""
    count, length = texts.shape
    places = np.arange(count + 1, dtype=np.int32) * np.int32(length)
    buffers: list[Any] = [None, pa.py_buffer(places.data), pa.py_buffer(np.ascontiguousarray(texts).data)]
    return pa.Array.from_buffers(pa.string(), count, buffers)
