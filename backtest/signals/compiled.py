"""The kernel of positions and crossings, compiled."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

from backtest import jit
from backtest.signals import sma_cross_jit


@cache
def kernel() -> ModuleType:
    """`backtest.signals.position_kernel` as a compiled module."""
    imports = {"order_lines": sma_cross_jit.kernel().order_lines}
    return jit.load(Path(__file__).with_name("position_kernel.py"), imports=imports)
