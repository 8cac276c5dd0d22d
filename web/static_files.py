"""The files under `web/static`: read, compressed and hashed once a process."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_FOLDERS = (_FOLDER / "vendor", _FOLDER)
"""A vendored script has an address that does not tell that it is one, so that it can be moved."""


def exists(name: str) -> bool:
    """Whether there is a file of that name."""
    return name in _paths()


@cache
def content(name: str) -> bytes:
    """The file as it is, or `KeyError`: only a listed file is ever opened, whatever a request asks for."""
    return _paths()[name].read_bytes()


@cache
def gzipped(name: str) -> bytes:
    """The file, compressed."""
    return gzip.compress(content(name), compresslevel=9, mtime=0)


@cache
def digest(name: str) -> str:
    """The SHA-256 of the file."""
    return hashlib.sha256(content(name)).hexdigest()


@cache
def _paths() -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for folder in _FOLDERS
        for path in folder.rglob("*")
        if path.is_file()
    }
