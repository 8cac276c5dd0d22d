"""docs/reliability.md: each command writes its own section and leaves the others as they are."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from qa import machine

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
SECTIONS = ("Faults", "Bad input", "Load", "Soak", "Rolling restart")
_HEAD = """\
# Reliability

What was done to the product on purpose, and what became of it. Every section is written by the command that it
names, from what that command measured; do not edit it by hand.
"""
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


def write(section: str, lines: Iterable[str], *, path: Path = PAGE) -> None:
    """Put these lines in the place of the section; two commands at once wait for each other."""
    if section not in SECTIONS:
        raise ValueError(f"a section is one of {', '.join(SECTIONS)}, got {section!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as page:
        fcntl.flock(page, fcntl.LOCK_EX)
        page.seek(0)
        sections = _sections(page.read()) | {section: "\n".join(lines).strip()}
        page.seek(0)
        page.truncate()
        page.write(
            "\n".join([_HEAD, *(f"## {name}\n\n{sections[name]}\n" for name in SECTIONS if name in sections)])
        )


def measured(command: str) -> str:
    """The sentence that every section begins with, and how much else the machine had to do."""
    today = date.today().isoformat()  # noqa: DTZ011
    busy = f"load average at the end {machine.load():.1f}"
    return f"Written by `{command}` on {today}; {machine.facts()}, {busy}."


def missed(broken: Sequence[str], *, otherwise: str, most: int = 20) -> list[str]:
    """A point for each goal that was missed, or the sentence for when none was."""
    return [f"* **Missed**: {text}" for text in broken[:most]] or [otherwise]


def _sections(text: str) -> dict[str, str]:
    parts = _SECTION.split(text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
