"""Errors in what a caller hands to `backtest`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BacktestError(Exception):
    """The base of all errors that the caller can correct."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong input: which field, what was received, what is allowed."""

    field: str
    message: str
    value: object = None


class InvalidRequest(BacktestError):
    """A request with at least one wrong field; carries every one of them."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in self.errors))


class InvalidBars(BacktestError):
    """Invalid prices; names symbol, date and field."""

    def __init__(self, message: str, *, symbol: str = "", date: str = "", field: str = "") -> None:
        self.symbol, self.date, self.field = symbol, date, field
        where = " ".join(part for part in (symbol, date, field) if part)
        super().__init__(f"{where}: {message}" if where else message)


class InvalidTarget(BacktestError):
    """A rule returned a target of the wrong shape or outside -1…1."""


class InvalidFile(BacktestError):
    """A price file that cannot be read; names file, line, date and field.

    Where a file has several mistakes, the first one carries the `others`; `errors` is all of them.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str,
        line: int | None = None,
        date: str = "",
        field: str = "",
        others: Sequence[InvalidFile] = (),
    ) -> None:
        self.file, self.line, self.date, self.field = file, line, date, field
        self.message = message
        self.others = tuple(others)
        where = [file, f"line {line}" if line else "", date, field]
        super().__init__(f"{', '.join(part for part in where if part)}: {message}")

    @property
    def errors(self) -> tuple[InvalidFile, ...]:
        """Every mistake found, in the order of the file."""
        return (self, *self.others)
