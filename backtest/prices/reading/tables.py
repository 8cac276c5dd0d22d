"""A price file as a table of columns: CSV and Parquet come out alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backtest.prices.problems import Problems
from backtest.prices.reading.cells.columns import Column
from backtest.prices.reading.layout import Layout

SAMPLED = 200
"""Rows by which the reader distinguishes the columns."""


@dataclass(frozen=True, slots=True)
class Table:
    """Some columns of a file.

    Parameters
    ----------
    columns : by its place in the file the Arrow array of T cells of each column that was read, texts or numbers
    lines : (T,) the line, or in Parquet the row, of each, from 1
    """

    columns: Mapping[int, Column]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def without(self, places: Collection[int | None]) -> Table:
        """The table without these columns."""
        kept = {place: column for place, column in self.columns.items() if place not in places}
        return Table(kept, self.lines)


class PriceFile(Protocol):
    """A file whose columns are known and whose rows are not read yet."""

    @property
    def format(self) -> str:
        """In words."""

    @property
    def encoding(self) -> str:
        """In words, empty where there is none."""

    @property
    def layout(self) -> Layout:
        """Names of the columns and how a text is laid out."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """In words, the lines among and behind the rows that are not read."""

    @property
    def sample(self) -> Table:
        """The first rows of every column."""

    def read(self, numbers: Iterable[int], texts: Iterable[int], problems: Problems) -> Table:
        """The columns at these places; one of numbers comes as texts where it holds more than plain numbers.

        Rows of another width than the header become problems.

        Raises
        ------
        InvalidFile
            Where the rows cannot be read at all.
        """
