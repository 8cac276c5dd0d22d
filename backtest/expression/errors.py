"""What is wrong with a formula, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backtest.errors import BacktestError, FieldError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: a message, and the line and column (both from 1) it points at."""

    message: str
    line: int
    column: int

    @classmethod
    def at(cls, source: str, offset: int, message: str) -> Problem:
        """A mistake at a character of the source, counted from 0."""
        before = source[:offset]
        return cls(message, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)

    def shown(self, source: str) -> str:
        """The message with its place, the line it is in, and a caret below the column."""
        lines = source.split("\n")
        place = f"column {self.column}" if len(lines) == 1 else f"line {self.line}, column {self.column}"
        text = lines[self.line - 1].replace("\t", " ")
        start = max(0, self.column - 41)
        return f"{place}: {self.message}\n  {text[start : start + 80]}\n  {' ' * (self.column - 1 - start)}^"


class InvalidExpression(BacktestError):
    """A formula that cannot be read; carries every mistake found with its place."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source, self.problems = source, tuple(problems)
        super().__init__("\n".join(problem.shown(source) for problem in problems))


@dataclass(frozen=True, slots=True)
class PlacedError(FieldError):
    """A wrong formula in a field of a request, with the line and column for an editor."""

    line: int = 1
    column: int = 1
