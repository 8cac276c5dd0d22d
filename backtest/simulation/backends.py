"""Execution backends of the engine: the frozen source as plain Python, and the same source compiled."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Literal

from backtest import jit

Backend = Literal["auto", "interpreted", "jit"]
BACKENDS: tuple[Backend, ...] = ("auto", "interpreted", "jit")

_ENGINE = Path(__file__).parents[1] / "engine.py"


def chosen(backend: Backend, size: int) -> Literal["interpreted", "jit"]:
    """Name the backend for `size` bars times symbols; the result is the same in both."""
    if backend != "auto":
        return backend
    return "jit" if jit.is_worth_loading(size) else "interpreted"


@cache
def compiled_engine() -> ModuleType:
    """The engine as a compiled module."""
    return jit.load(_ENGINE, outlined={"run"})
