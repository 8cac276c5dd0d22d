"""Kernels compiled by Numba: modules of plain functions, loaded a second time with each function compiled.

Compiled code is cached in the folder that `NUMBA_CACHE_DIR` names (default: beside this file). It belongs
to one content of the sources and to one processor model; where it does not fit, a function is compiled on
its first call. ``python -m backtest.precompile`` fills the cache ahead of time.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, Final

LONG_SERIES: Final = 200_000
"""Bars times symbols from which loading the compiler is worth its time."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_loaded: list[ModuleType] = []


def is_loaded() -> bool:
    """Whether a compiled kernel is in this process; then loading another one costs little."""
    return bool(_loaded)


def is_worth_loading(size: int) -> bool:
    """Whether `size` bars times symbols are enough to use compiled kernels, or one is loaded already."""
    return size >= LONG_SERIES or is_loaded()


def load(
    source: Path,
    *,
    imports: Mapping[str, Any] = _NOTHING,
    outlined: Collection[str] = (),
    fastmath: Collection[str] = (),
) -> ModuleType:
    """Load a kernel's source as a second module, each of its functions compiled on its first call.

    Parameters
    ----------
    imports : compiled functions of other kernels, by the names under which this kernel calls them
    outlined : functions too large to be copied into their callers; all others are inlined
    fastmath : flags of LLVM, as `contract`: a product and a sum may be rounded once; without any, all arithmetic
        stays IEEE
    """
    module = _copy_of(source)
    vars(module).update(imports)
    # A changed callee changes the code of its caller too, which Numba does not notice.
    sources = {source, *(Path(function.py_func.__code__.co_filename) for function in imports.values())}
    with _cache_folder(sorted(sources), sorted(fastmath)):
        _compile(module, outlined, set(fastmath))
    _loaded.append(module)
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


def _compile(module: ModuleType, outlined: Collection[str], fastmath: set[str]) -> None:
    """Replace each function of the module by a compiled one, so that they call one another."""
    from numba import njit

    for name, function in list(vars(module).items()):
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            compiled = njit(
                cache=True, error_model="numpy", forceinline=name not in outlined, fastmath=fastmath
            )
            setattr(module, name, compiled(function))


def cache_root() -> Path:
    """The folder of all compiled code."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return Path(named) if named else Path(__file__).with_name("__pycache__") / "compiled"


@contextmanager
def _cache_folder(sources: list[Path], fastmath: list[str]) -> Iterator[None]:
    """Let Numba cache what it compiles in a folder that belongs to the content of `sources` and the flags."""
    from numba import config

    before = config.CACHE_DIR
    content = b"".join(source.read_bytes() for source in sources) + "".join(fastmath).encode()
    config.CACHE_DIR = str(_writable(cache_root() / hashlib.sha256(content).hexdigest()[:16]))
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
