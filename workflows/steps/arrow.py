"""Arrow without pandas: a step that begins anew for every run has no time to load what it never uses."""

from __future__ import annotations

import pyarrow as pa

from backtest.optional_imports import hidden


def settle() -> None:
    """Have Arrow look for pandas now, once, and find none; later imports of pandas work as ever.

    Arrow looks when the first array is made, in order to accept a Series as well, and loads what it
    finds: 0.8 s of processor time in each step of each run.
    """
    with hidden("pandas"):
        pa.array([0.0])
