"""The alphabet of symbols: names of instruments that are safe in files, addresses and workflow arguments."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

MAX_SYMBOL_LENGTH = 32
ALPHABET = "letters, digits and . ^ = _ : / + -"
_PUNCTUATION = frozenset(".^=_:/+-")


def is_symbol(name: object) -> bool:
    """Whether `name` can name a symbol: 1 to 32 letters of any script, digits and ``. ^ = _ : / + -``."""
    return isinstance(name, str) and 1 <= len(name) <= MAX_SYMBOL_LENGTH and all(map(_is_allowed, name))


def symbol_of_file(name: str) -> str | None:
    """The symbol that a file is named for, as ``aapl.csv``; None where its name cannot be a symbol."""
    stem = name.rsplit(".", 1)[0].upper()
    return stem if is_symbol(stem) else None


def spelled(symbol: str, known: Collection[str]) -> str:
    """The symbol as it is known: itself, or the only one that differs from it in case alone; itself if none does."""
    if symbol in known:
        return symbol
    alike = [name for name in known if name.casefold() == symbol.casefold()]
    return alike[0] if len(alike) == 1 else symbol


def _is_allowed(character: str) -> bool:
    # marks are the vowel signs of scripts such as Thai and Devanagari
    category = unicodedata.category(character)
    return character in _PUNCTUATION or category == "Nd" or category[0] in "LM"
