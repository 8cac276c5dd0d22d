"""What is wrong with a file, collected so that all of it is reported at once."""

from __future__ import annotations

from backtest.errors import InvalidFile

MAX_LISTED = 20


class Problems:
    """The problems of one file: the first twenty are listed, all are counted."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0
        self._listed: list[InvalidFile] = []

    def add(self, message: str, *, line: int | None = None, date: str = "", field: str = "") -> None:
        """Note one problem by its place in the file."""
        self.count += 1
        if len(self._listed) < MAX_LISTED:
            self._listed.append(InvalidFile(message, file=self.file, line=line, date=date, field=field))

    def note_more(self, count: int) -> None:
        """Count `count` further problems that are not listed."""
        self.count += count

    def raise_if_any(self) -> None:
        """Raise `InvalidFile` with the listed problems in the order of the file and how many there are more."""
        if not self._listed:
            return
        first, *others = sorted(self._listed, key=lambda problem: problem.line or 0)
        if self.count > len(self._listed):
            others.append(InvalidFile(f"and {self.count - len(self._listed):,} more", file=self.file))
        raise InvalidFile(
            first.message, file=first.file, line=first.line, date=first.date, field=first.field, others=others
        )
