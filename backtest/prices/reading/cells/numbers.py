"""Columns of prices: numbers, or texts of numbers as exports write them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backtest.arrays import Flags, Floats
from backtest.prices.problems import Problems
from backtest.prices.reading.cells.columns import Column, cast_texts, flags, is_text, text_at
from backtest.prices.reading.cells.number_patterns import LONGEST
from backtest.prices.reading.cells.number_shapes import read_texts


def parse_numbers(column: Column, *, decimal: str) -> tuple[Floats, Flags, Flags]:
    """Read a column of (T,) cells.

    Returns
    -------
    (T,) float64 with NaN where a value is missing or unreadable, (T,) missing, (T,) unreadable
    """
    if not is_text(column) or not len(column):
        return _typed(column)
    cast = (
        cast_texts(column, pa.float64()) if decimal == "." else None
    )  # a thousands point would pass for a decimal one
    if cast is not None and np.isfinite(values := np.asarray(cast.to_numpy(zero_copy_only=False))).all():
        nothing = np.zeros(len(values), np.bool_)
        return values, nothing, nothing
    return read_texts(column, decimal)


def refuse_unreadable(
    column: Column,
    unreadable: Flags,
    lines: NDArray[np.int64],
    dates: Sequence[str],
    field: str,
    problems: Problems,
) -> None:
    """Add a problem for each cell that is no number, with its line, date and what it says.

    `lines` and `dates` are those of the unreadable cells that are listed.
    """
    rows = np.flatnonzero(unreadable)
    for row, line, date in zip(rows, lines, dates, strict=False):
        text = text_at(column, int(row))
        shown = repr(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
        message = f"must be a number such as 1234.56, got {shown}"
        problems.add(message, line=int(line), date=date, field=field)
    problems.note_more(max(0, len(rows) - len(lines)))


def _typed(column: Column) -> tuple[Floats, Flags, Flags]:
    if pa.types.is_temporal(column.type):  # a day or a time is no number
        missing = flags(column.is_null())
        return np.full(len(column), np.nan), missing, ~missing
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
    missing = np.isnan(values)
    return values, missing, np.isinf(values)
