"""The engine's two gears: the frozen source as plain Python, and the very same source compiled.

``python -m backtest.gears`` compiles ahead of time, into the folder that `NUMBA_CACHE_DIR` names
(default: beside the source). What is compiled belongs to one content of the sources and to one
processor model; where it does not fit, the first compiled run compiles again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Literal

Gear = Literal["auto", "interpreted", "compiled"]
GEARS: tuple[Gear, ...] = ("auto", "interpreted", "compiled")

LONG_SERIES = 200_000
"""Bars times symbols from which loading the compiled engine is worth its time."""

_ENTRIES = frozenset({"run", "simulate", "cross_lanes", "average_lanes", "target_lanes"})
"""The functions that are called from outside of their module, or too large to be copied into callers."""

_loaded: list[ModuleType] = []


def chosen(gear: Gear, size: int) -> Literal["interpreted", "compiled"]:
    """Name the gear for `size` bars times symbols; the result is the same in both."""
    if gear != "auto":
        return gear
    return "compiled" if is_loaded() or size >= LONG_SERIES else "interpreted"


def is_loaded() -> bool:
    """Whether the compiled engine is in this process; then what else is compiled is worth loading too."""
    return bool(_loaded)


@cache
def compiled() -> ModuleType:
    """The engine's source once more as a module, each of its functions compiled on its first call."""
    module = _copy_of("engine")
    with _cache_folder("engine"):
        _compile(module)
    _loaded.append(module)
    return module


@cache
def compiled_lanes() -> ModuleType:
    """`backtest.lanes` compiled around the compiled engine."""
    engine, module = compiled(), _copy_of("lanes")
    vars(module)["run"] = engine.run
    with _cache_folder("engine", "lanes"):
        _compile(module)
    return module


def _copy_of(name: str) -> ModuleType:
    """A second, independent module from the source of `backtest.<name>`."""
    import importlib.util

    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"backtest.compiled_{name}", path)
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
def _cache_folder(*sources: str) -> Iterator[None]:
    """Let Numba keep what it compiles in a folder that belongs to the content of `sources`."""
    from numba import config

    before = config.CACHE_DIR
    content = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in sources)
    root = Path(before) if before else Path(__file__).with_name("__pycache__") / "compiled"
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


def warm(*, lanes: bool = True) -> None:
    """Compile the kernel, and with `lanes` what sweeps and batches need too, by running each once."""
    import numpy as np

    from backtest.bars import Bars
    from backtest.config import EngineConfig
    from backtest.rules import build
    from backtest.simulation import simulate
    from backtest.sweep import batch, sweep

    price = np.array([[10.0], [11.0], [9.0], [12.0], [8.0]])
    times = np.arange(5).astype("datetime64[D]").astype("datetime64[s]")
    bars, config = Bars(("X",), times, price, price, price, price, price), EngineConfig()
    simulate(bars, np.array([1.0, 0.0, 1.0, 0.0, 1.0]), config, gear="compiled")
    build("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2}).target(bars)
    if lanes:
        sweep(bars, "MOVING_AVERAGE_CROSS", {"fast": [1], "slow": [2, 3]}, config)
        sweep(bars, "BUY_AND_HOLD", {}, config)
        batch([bars, bars], build("MOVING_AVERAGE_CROSS", {"fast": 1, "slow": 2}), config)


def main() -> int:
    """Compile everything that a compiled run needs; prints how long it took."""
    began = time.perf_counter()
    warm(lanes="--kernel-only" not in sys.argv[1:])
    sys.stdout.write(f"compiled in {time.perf_counter() - began:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
