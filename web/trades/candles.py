"""Candles for a screen: where bars are too many, several become one candle and none is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from backtest.arrays import Floats, Indices
from web.trades.priced import Priced


def candles(prices: Priced, part: slice, most: int) -> dict[str, Any]:
    """Open, high, low, close and volume of at most `most` candles, and the lines at the last bar of each.

    A candle's time is that of its first bar. `bars_per_candle` says how many bars each stands for.
    """
    count = part.stop - part.start
    width = -(-count // most)
    starts = np.arange(part.start, part.stop, width)
    ends = np.minimum(starts + width, part.stop) - 1
    return {
        "symbol": prices.symbol,
        "timeframe": prices.timeframe,
        "bars": len(prices.times),
        "bars_in_range": count,
        "bars_per_candle": width,
        "times": prices.times[starts].astype(np.int64).tolist(),
        "open": _rounded(prices.ohlc["open"][starts]),
        "high": _rounded(np.maximum.reduceat(prices.ohlc["high"][: part.stop], starts)),
        "low": _rounded(np.minimum.reduceat(prices.ohlc["low"][: part.stop], starts)),
        "close": _rounded(prices.ohlc["close"][ends]),
        "volume": _rounded(np.add.reduceat(prices.volume[: part.stop], starts), digits=4),
        "panes": _panes(prices, ends),
        "note": prices.note,
    }


def _panes(prices: Priced, ends: Indices) -> list[dict[str, Any]]:
    """The panes of the rule's lines in their order, each with its lines and levels."""
    panes: dict[str, dict[str, Any]] = {}
    for line in prices.lines:
        pane = panes.setdefault(line.pane, {"name": line.pane, "lines": [], "levels": []})
        if isinstance(line.values, float | int):
            pane["levels"].append({"label": line.label, "value": line.values})
        else:
            pane["lines"].append({"label": line.label, "values": _rounded(line.values[ends])})
    return list(panes.values())


def _rounded(values: Floats, digits: int = 7) -> list[float | None]:
    """Values in as few characters as a screen can tell apart; None where one is not known."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()]


def at(prices: Priced, bar: int) -> list[Mapping[str, Any]]:
    """The value of every line and level at one bar."""
    return [
        {
            "label": line.label,
            "pane": line.pane,
            "value": line.values
            if isinstance(line.values, float | int)
            else _rounded(line.values[bar : bar + 1], digits=12)[0],
            "level": isinstance(line.values, float | int),
        }
        for line in prices.lines
    ]
