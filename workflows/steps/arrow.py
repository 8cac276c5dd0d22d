"""Arrow without pandas: a step that begins anew for every run has no time to load what it never uses."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

import pyarrow as pa


class _NoPandas:
    """A finder for which there is no pandas."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def settle() -> None:
    """Have Arrow look for pandas now, once, and find none; whoever else imports it gets it.

    Arrow looks when the first array is made, in order to accept a Series as well, and loads what it
    finds: 0.8 s of processor time in each step of each run.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0.0])
    finally:
        sys.meta_path.remove(finder)
