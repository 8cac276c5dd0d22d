"""The alphabet of symbols: names of instruments that are safe in files, addresses and workflow arguments."""

from __future__ import annotations

import unicodedata

MAX_SYMBOL_LENGTH = 32
ALPHABET = "letters, digits and . ^ = _ : / + -"
_PUNCTUATION = frozenset(".^=_:/+-")


def is_symbol(name: object) -> bool:
    """Whether `name` can name a symbol: 1 to 32 letters of any script, digits and ``. ^ = _ : / + -``."""
    return isinstance(name, str) and 1 <= len(name) <= MAX_SYMBOL_LENGTH and all(map(_is_allowed, name))


def _is_allowed(character: str) -> bool:
    # marks are the vowel signs of scripts such as Thai and Devanagari
    category = unicodedata.category(character)
    return character in _PUNCTUATION or category == "Nd" or category[0] in "LM"
