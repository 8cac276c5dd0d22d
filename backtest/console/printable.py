"""Text that a terminal shows as it is."""

from __future__ import annotations

import sys
from typing import TextIO


def printable(text: str) -> str:
    """`text` with every character that is not printable as its escape; lines stay lines.

    A terminal obeys control characters: a name out of a file could move its cursor or change its title.
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text
    )


def show(text: str, *, file: TextIO | None = None) -> None:
    """Print a line that holds text of files, requests or the database."""
    print(printable(text), file=file or sys.stdout)
