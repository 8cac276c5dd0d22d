"""How far and how long the account was below its highest close."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from backtest.metrics import returns
from backtest.metrics.account import Account, Drawdowns, Undefined, dot
from backtest.metrics.metric import metric
from backtest.prices.calendar import stamp

TABLE_ROWS: Final = 10


def drawdown_table(account: Account, *, rows: int = TABLE_ROWS) -> list[dict[str, Any]]:
    """The deepest drawdowns, deepest first, ready for JSON.

    Returns
    -------
    list of start, trough and recovery (ISO dates; recovery None while it is open), depth (negative
    fraction), days and bars from the peak to the recovery or, if open, to the end
    """
    drawdowns = account.drawdowns
    order = np.argsort(drawdowns.depth, kind="stable")[:rows]
    return [_row(account, drawdowns, int(index)) for index in order]


@metric("Max drawdown", "drawdown", "percent", better="higher", formula="min(E / cummax(E) - 1)",
        conventions="At every bar's close, the initial capital included; 0 if equity never fell.",
        other_tools="freqtrade uses the balance of closed trades; QuantStats infers a baseline when given "
              "prices, which can add spurious drawdowns.")  # fmt: skip
def max_drawdown(account: Account) -> float:
    """Deepest fall from a peak: min(E / cummax(E) - 1), E_0 included."""
    return float(account.drawdown.min())


@metric("Longest drawdown", "drawdown", "days", better="lower",
        formula="max(first close ≥ peak - peak), days",
        conventions="Calendar days from the peak to the first close at or above it; an open one runs to the "
                    "end of the run. The drawdown table lists the days of each.",
        other_tools="QuantStats counts from the first to the last day under water, inclusive; LEAN excludes "
              "open drawdowns.")  # fmt: skip
def max_drawdown_days(account: Account) -> float:
    """Calendar days of the longest drawdown, an open one up to the end."""
    drawdowns = account.drawdowns
    if len(drawdowns.peak) == 0:
        return 0.0
    seconds = (account.times[drawdowns.recovery] - account.times[drawdowns.peak]).astype(np.int64)
    return float(seconds.max()) / 86_400


@metric("Longest drawdown in bars", "drawdown", "bars", better="lower",
        formula="max(first close ≥ peak - peak), bars", conventions="Longest drawdown, counted in bars.")  # fmt: skip
def max_drawdown_bars(account: Account) -> int:
    """Bars of the longest drawdown, an open one up to the end."""
    drawdowns = account.drawdowns
    return int((drawdowns.recovery - drawdowns.peak).max()) if len(drawdowns.peak) else 0


@metric("Avg drawdown", "drawdown", "percent", better="higher", formula="mean(depth of each drawdown)",
        conventions="Every drawdown counts once, however shallow; 0 if equity never fell.")  # fmt: skip
def avg_drawdown(account: Account) -> float:
    """Mean depth of the drawdowns."""
    drawdowns = account.drawdowns
    return float(drawdowns.depth.mean()) if len(drawdowns.depth) else 0.0


@metric("Calmar ratio", "drawdown", "ratio", better="higher", formula="CAGR / |max drawdown|",
        conventions="Over the whole run; undefined without a CAGR or without a drawdown.",
        source="Young, Futures magazine (1991)",
        other_tools="backtesting.py divides annual return; freqtrade mean daily profit · √365 / "
              "drawdown.")  # fmt: skip
def calmar_ratio(account: Account) -> float:
    """Growth a year for each unit of the deepest fall: CAGR / |max drawdown|."""
    growth = returns.cagr(account)
    deepest = max_drawdown(account)
    if not deepest < 0:
        raise Undefined("undefined: no drawdown")
    return growth / -deepest


@metric("Ulcer index", "drawdown", "percent", better="lower", formula="√(Σ DD² / n)",
        conventions="DD at the close of every bar, those within the day too; n bars after the first.",
        source="Martin and McCann, The Investor's Guide to Fidelity Funds (1989)",
        other_tools="QuantStats divides by n - 1.")  # fmt: skip
def ulcer_index(account: Account) -> float:
    """Root mean square of the drawdown: √(Σ DD² / n)."""
    if len(account.equity) < 2:
        raise Undefined("undefined: only one close")
    return math.sqrt(dot(account.drawdown, account.drawdown) / (len(account.drawdown) - 1))


def _row(account: Account, drawdowns: Drawdowns, index: int) -> dict[str, Any]:
    peak, end = int(drawdowns.peak[index]), int(drawdowns.recovery[index])
    trough = peak + int(account.drawdown[peak : end + 1].argmin())
    is_open = drawdowns.open and index == len(drawdowns.peak) - 1
    seconds = int((account.times[end] - account.times[peak]).astype(np.int64))
    return {
        "start": stamp(account.times[peak]),
        "trough": stamp(account.times[trough]),
        "recovery": None if is_open else stamp(account.times[end]),
        "depth": float(drawdowns.depth[index]),
        "days": seconds / 86_400,
        "bars": end - peak,
    }
