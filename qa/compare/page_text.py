"""Extracts the visible words of a page; form controls, links and images count as one word each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from html.parser import HTMLParser

_SKIPPED = frozenset({"script", "style"})
_TEXT_ATTRIBUTES = ("alt", "title", "aria-label", "placeholder", "data-label")
_FUNCTIONAL_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "form": ("method", "action", "enctype"),
    "input": ("name", "type", "value", "min", "max", "step", "required", "checked", "disabled"),
    "select": ("name", "required", "disabled"),
    "textarea": ("name", "required", "disabled"),
    "button": ("name", "value", "type", "formaction", "disabled"),
    "option": ("value", "selected"),
    "a": ("href", "download"),
    "img": ("src",),
    "path": ("d",),
    "polyline": ("points",),
}
"""Attributes that affect behaviour or drawing, by element; classes and ids are ignored."""
_LONGEST = 120


class _Reader(HTMLParser):
    """Collects the words of a page in their order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add functional attributes and texts of an element."""
        self._skipped += tag in _SKIPPED
        given = dict(attrs)
        names = [name for name in _FUNCTIONAL_ATTRIBUTES.get(tag, ()) if name in given]
        if names:
            self.words.append(f"<{tag} {' '.join(f'{name}={_short(given[name])}' for name in names)}>")
        for name in _TEXT_ATTRIBUTES:
            self.words += (given.get(name) or "").split()

    def handle_endtag(self, tag: str) -> None:
        """Leave an element whose content is skipped."""
        self._skipped -= tag in _SKIPPED

    def handle_data(self, data: str) -> None:
        """Add words."""
        if not self._skipped:
            self.words += data.split()


def words(html: str) -> list[str]:
    """The words of a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.words


def _short(value: str | None) -> str:
    """An attribute as one word; long values, such as embedded images, by their hash."""
    text = "-".join((value or "").split())
    if len(text) <= _LONGEST:
        return text
    return f"{text[:20]}…{hashlib.sha256(text.encode()).hexdigest()[:12]}"
