"""The section of docs/scale.md about studies; `make bench-scale` writes what stands above it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "scale.md"
HEADING: Final = "## Studies on a cluster"


def kept(page: Path = PAGE) -> str:
    """The section as it is, or nothing."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    _, found, behind = text.partition(f"\n{HEADING}\n")
    return found + behind


def write(title: str, content: str, page: Path = PAGE) -> None:
    """Put a subsection in the place of the one of that title, or behind the others."""
    text = page.read_text(encoding="utf-8").rstrip("\n")
    if f"\n{HEADING}\n" not in text:
        text += f"\n\n{HEADING}"
    heading = f"### {title}"
    old = re.compile(rf"\n\n{re.escape(heading)}\n.*?(?=\n\n### |\Z)", re.DOTALL)
    new = f"\n\n{heading}\n\n{content.strip()}"
    text = old.sub(lambda _: new, text) if old.search(text) else text + new
    page.write_text(f"{text}\n", encoding="utf-8")
