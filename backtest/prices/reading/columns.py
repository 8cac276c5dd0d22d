"""Columns of a table as Arrow holds them, and what every reader of one needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from backtest.arrays import Flags

Column = Any
"""An Arrow array of T cells; what its values are is only known from its file."""


compute: Any = pyarrow.compute
"""Arrow's functions on columns, whose stubs know only columns of types that are known beforehand."""


def flags(mask: Column) -> Flags:
    """A column of truth values as (T,) array, False where it is unknown."""
    return np.asarray(mask.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)


def integers(column: Column) -> NDArray[np.int64]:
    """A column of whole numbers without unknown ones as (T,) array."""
    return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)


def rows_of(column: Column, rows: NDArray[np.intp]) -> Column:
    """Some rows of a column; the column itself where they are all of it."""
    return column if len(rows) == len(column) else column.take(rows)


def empty_cells(text: Column) -> Flags:
    """Whether each text is empty, spaces aside, or unknown."""
    trimmed: Column = compute.utf8_trim_whitespace(text.fill_null(""))
    return flags(compute.equal(trimmed, pa.scalar("")))
