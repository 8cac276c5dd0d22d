"""Compact word differences between two texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_CONTEXT_WORDS = 3
_LONGEST_SIDE = 30


@dataclass(frozen=True, slots=True)
class WordChange:
    """Replaced words with a few words before and after."""

    old: str
    new: str
    before: str
    after: str


def changes(old: Sequence[str], new: Sequence[str]) -> Iterator[WordChange]:
    """Every changed sequence of words, in order."""
    start = _common_prefix(old, new)
    end = _common_prefix(old[start:][::-1], new[start:][::-1])
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    for tag, i, j, k, m in SequenceMatcher(None, left, right).get_opcodes():
        if tag != "equal":
            yield WordChange(
                _shortened(left[i:j]),
                _shortened(right[k:m]),
                " ".join(old[max(0, start + i - _CONTEXT_WORDS) : start + i]),
                " ".join(old[start + j : start + j + _CONTEXT_WORDS]),
            )


def text_changes(old: str, new: str) -> Iterator[WordChange]:
    """The changes between two texts; a change of white space alone shows both texts."""
    found = list(changes(old.split(), new.split()))
    yield from found or ([WordChange(repr(old), repr(new), "", "")] if old != new else [])


def _common_prefix(old: Sequence[str], new: Sequence[str]) -> int:
    for place, (left, right) in enumerate(zip(old, new, strict=False)):
        if left != right:
            return place
    return min(len(old), len(new))


def _shortened(words: Sequence[str]) -> str:
    if len(words) <= _LONGEST_SIDE:
        return " ".join(words)
    return f"{' '.join(words[:_LONGEST_SIDE])} … ({len(words)} words)"
