"""Load a library without the optional ones that it would look for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Within the block this thread finds no modules of these names, unless they are loaded already.

    TA-Lib loads pandas and polars where they are installed, in order to accept a Series too: 0.3 s and more
    in each process, which an ordinary run never uses. A finder is needed since compiled code does not take
    None in `sys.modules` for a module that is not installed.
    """
    finder = _Hidden(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Hidden:
    """A finder that refuses some modules to the thread that made it."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Refuse a hidden name; leave all others to the finders behind."""
        if name in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None
