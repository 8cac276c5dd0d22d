"""Real prices that ship with the product; README.md beside this file names their sources."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from backtest.prices.dataset import Dataset

SYMBOLS = ("GOOG", "NASDAQ", "SP500")
FOLDER = Path(__file__).parent
SOURCE = "bundled sample"


@cache
def load(symbol: str) -> Dataset:
    """The bundled dataset of `symbol`, read once a process; KeyError where there is none."""
    if symbol not in SYMBOLS:
        raise KeyError(symbol)
    return Dataset.decode((FOLDER / f"{symbol}.dataset").read_bytes())
