"""Execution backends of the engine: the frozen source as plain Python, and the very same source compiled.

What is compiled is cached in the folder that `NUMBA_CACHE_DIR` names (default: beside the source). It
belongs to one content of the sources and to one processor model; where it does not fit, the first
compiled run compiles again. ``python -m backtest.precompile`` fills the cache ahead of time.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Literal

Backend = Literal["auto", "interpreted", "jit"]
BACKENDS: tuple[Backend, ...] = ("auto", "interpreted", "jit")

LONG_SERIES = 200_000
"""Bars times symbols from which loading the compiled engine is worth its time."""

_ENTRIES = frozenset({"run", "simulate", "cross_lanes", "average_lanes", "target_lanes"})
"""The functions that are called from outside of their module, or too large to be copied into callers."""

_ENGINE = Path(__file__).parents[1] / "engine.py"

_loaded: list[ModuleType] = []


def chosen(backend: Backend, size: int) -> Literal["interpreted", "jit"]:
    """Name the backend for `size` bars times symbols; the result is the same in both."""
    if backend != "auto":
        return backend
    return "jit" if is_loaded() or size >= LONG_SERIES else "interpreted"


def is_loaded() -> bool:
    """Whether the compiled engine is in this process; then what else is compiled is worth loading too."""
    return bool(_loaded)


@cache
def compiled() -> ModuleType:
    """The engine's source once more as a module, each of its functions compiled on its first call."""
    module = _copy_of(_ENGINE)
    with _cache_folder(_ENGINE):
        _compile(module)
    _loaded.append(module)
    return module


def compiled_around_engine(source: Path) -> ModuleType:
    """A module that calls the engine as `run`, compiled from `source` with the compiled engine in its place."""
    engine, module = compiled(), _copy_of(source)
    vars(module)["run"] = engine.run
    with _cache_folder(_ENGINE, source):
        _compile(module)
    return module


def _copy_of(path: Path) -> ModuleType:
    """A second, independent module from a source file."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"backtest.compiled_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def _compile(module: ModuleType) -> None:
    """Put compiled functions in the place of the plain ones, so that they call one another.

    All arithmetic stays IEEE: no fast-math. What is called by a function above it is inlined into it.
    """
    from numba import njit

    for name, function in list(vars(module).items()):
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            traits = {"parallel": "parallel" in vars(function), "forceinline": name not in _ENTRIES}
            setattr(module, name, njit(cache=True, error_model="numpy", **traits)(function))


@contextmanager
def _cache_folder(*sources: Path) -> Iterator[None]:
    """Let Numba keep what it compiles in a folder that belongs to the content of `sources`."""
    from numba import config

    before = config.CACHE_DIR
    content = b"".join(source.read_bytes() for source in sources)
    root = Path(before) if before else Path(__file__).with_name("__pycache__") / "jit"
    config.CACHE_DIR = str(_writable(root / hashlib.sha256(content).hexdigest()[:16]))
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _writable(folder: Path) -> Path:
    """The folder, or where it is read-only (as in a locked-down container) a copy that is not."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        return folder
    import shutil
    import tempfile

    copy = Path(tempfile.mkdtemp(prefix="stock-backtest-compiled-"))
    if folder.is_dir():
        shutil.copytree(folder, copy, dirs_exist_ok=True)
    return copy
