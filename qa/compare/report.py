"""Collects differences and groups them, so that one change that affects many answers is one entry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from qa.compare.words import WordChange, changes, text_changes

_LONGEST_VALUE = 160
_LONGEST_CONTEXT = 60
_EXAMPLES = 3
_LONGEST_EXAMPLE = 110
_DRAWING = re.compile(r"<(?:path|polyline|img) [^>]*>")
_SHARED = ("header ", "openapi")
"""Paths that mean the same in every part."""
_FIGURES = re.compile(r"[^A-Za-z]*")
_INDEX = re.compile(r"\[\d+\]")


class Kind(StrEnum):
    """The kind of a difference; only structural differences always fail."""

    STRUCTURE = "structure"
    TEXT = "text"
    PAGE = "page"


_TITLES = {
    Kind.STRUCTURE: "Structural differences (fail)",
    Kind.TEXT: "Text differences in JSON and command output",
    Kind.PAGE: "Text differences on pages",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the answers differ; `context` holds the words before and after."""

    kind: Kind
    path: str
    old: str
    new: str
    context: tuple[str, str] = ("", "")


def structure(path: str, old: object, new: object) -> Difference:
    """A structural difference."""
    return Difference(Kind.STRUCTURE, path, _shown(old), _shown(new))


def text_differences(path: str, old: str, new: str) -> Iterator[Difference]:
    """The words that differ between two texts."""
    yield from (_of_words(Kind.TEXT, path, change) for change in text_changes(old, new))


def page_words(old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    """The words that differ between two pages."""
    yield from (_of_words(Kind.PAGE, "page", change) for change in changes(old, new))


def _of_words(kind: Kind, path: str, change: WordChange) -> Difference:
    return Difference(kind, path, change.old, change.new, (change.before, change.after))


def _shown(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


@dataclass(slots=True)
class _Group:
    """Occurrences of one change."""

    part: str
    first: Difference
    count: int = 0
    values: set[tuple[str, str]] = field(default_factory=set)
    places: dict[str, None] = field(default_factory=dict)

    def add(self, where: str, difference: Difference) -> None:
        """Add an occurrence."""
        self.count += 1
        self.values.add((difference.old, difference.new))
        self.places.setdefault(where)


class Report:
    """Collects the differences of every part."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self.result_hashes: Counter[bool] = Counter()
        self._groups: dict[tuple[Kind, tuple[str, ...]], _Group] = {}

    def add(self, part: str, where: str, differences: Iterable[Difference]) -> None:
        """Count one comparison and add its differences."""
        self.compared[part] += 1
        for difference in differences:
            key = (difference.kind, _identity(part, difference))
            self._groups.setdefault(key, _Group(part, difference)).add(where, difference)

    def count(self, kind: Kind) -> int:
        """The number of distinct changes of this kind."""
        return sum(key[0] == kind for key in self._groups)

    def lines(self, limit: int) -> Iterator[str]:
        """The report as text with at most `limit` changes of each kind, followed by a summary."""
        for kind in Kind:
            yield from self._section(kind, limit)
        yield ""
        yield f"Compared: {', '.join(f'{count} {part}' for part, count in self.compared.items())}."
        if total := self.result_hashes.total():
            yield f"Result hashes: {total} runs, {self.result_hashes[True]} equal."
        yield f"Found: {', '.join(f'{self.count(kind)} × {kind}' for kind in Kind)}."

    def _section(self, kind: Kind, limit: int) -> Iterator[str]:
        groups = [group for (found, _), group in self._groups.items() if found == kind]
        if groups:
            yield f"\n{_TITLES[kind]}: {len(groups)}"
        for group in groups[:limit]:
            yield from _entry(group)
        if len(groups) > limit:
            yield f"  … and {len(groups) - limit} more (--limit)"


def _identity(part: str, difference: Difference) -> tuple[str, ...]:
    """The key of a change: values and words for headers and texts, which many parts share; else the path."""
    if difference.kind == Kind.PAGE and _is_figures(difference.old) and _is_figures(difference.new):
        return ("figures on pages",)
    if difference.kind != Kind.STRUCTURE:
        return difference.old, difference.new
    if difference.path.startswith(_SHARED):
        return difference.path, difference.old, difference.new
    return part, _INDEX.sub("[*]", difference.path)


def _is_figures(words: str) -> bool:
    """Whether these are numbers and drawings, which follow from values that are compared elsewhere."""
    return _FIGURES.fullmatch(_DRAWING.sub("", words)) is not None


def _entry(group: _Group) -> Iterator[str]:
    first, part = group.first, group.part
    if first.kind == Kind.STRUCTURE:
        yield f"  [{part}] {first.path}: {first.old} → {first.new}"
    else:
        before, after = (text[-_LONGEST_CONTEXT:] for text in first.context)
        yield f"  [{part}] {before} [-{first.old}-] {{+{first.new}+}} {after}"
    others = f", {len(group.values)} pairs of values" if len(group.values) > 1 else ""
    places = [place[:_LONGEST_EXAMPLE] for place in group.places]
    more = f" and {len(places) - _EXAMPLES} more" if len(places) > _EXAMPLES else ""
    yield f"      {group.count} ×{others} in {'; '.join(places[:_EXAMPLES])}{more}"
