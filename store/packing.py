"""Compressed columns: zlib streams, which Intel's library writes seven times and reads twice as quickly as zlib."""

from __future__ import annotations

from typing import Any, Final

from isal import isal_zlib

_LEVEL: Final = 1
UNPACK_ERRORS: Final[tuple[Any, ...]] = (isal_zlib.error, ValueError)
"""What reading a damaged column raises."""


def pack(content: bytes) -> bytes:
    """The content as a zlib stream."""
    return isal_zlib.compress(content, _LEVEL)


def unpack(stored: bytes) -> bytes:
    """What a stored zlib stream holds, whichever library and level wrote it."""
    return isal_zlib.decompress(stored)
