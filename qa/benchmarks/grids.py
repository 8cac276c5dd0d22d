"""What is searched of each rule, in the benchmark of its sweep; the rules of peers are written in `array_rules`."""

from __future__ import annotations

from typing import Any, Final

from backtest.studies.plan import plan
from backtest.studies.request import StudyRequest

FORMULAS: Final = {
    "entry": "close > sma(close, n) and rsi(close, 14) < 50 + k",
    "exit": "close < ema(close, n) - k / 20",
}
GRIDS: Final[dict[str, dict[str, list[float]]]] = {
    "MOVING_AVERAGE_CROSS": {"fast": [*range(2, 22)], "slow": [*range(25, 125, 5)]},
    "RSI": {"period": [*range(2, 22)], "oversold": [20, 25, 30, 35], "overbought": [60, 65, 70, 75, 80]},
    "MACD": {"fast": [*range(4, 14)], "slow": [*range(16, 32, 2)], "signal": [5, 7, 9, 11, 13]},
    "RSI_MACD": {"period": [7, 14], "oversold": [35, 40, 45], "fast": [8, 10, 12], "slow": [20, 23, 26],
                 "signal": [7, 9, 11], "window": [5, 10]},
    "BOLLINGER_BANDS": {"period": [*range(6, 46, 2)], "deviations": [0.5 + 0.1 * step for step in range(20)]},
    "DONCHIAN_BREAKOUT": {"period": [*range(10, 50, 2)], "exit_period": [*range(3, 23)]},
    "VOLUME_BREAKOUT": {"period": [*range(5, 45, 2)], "multiple": [0.75, 1, 1.25, 1.5],
                        "exit_period": [3, 6, 9, 12, 15]},
    "ATR_VOLATILITY": {"period": [8, 14, 20], "entry_multiple": [0.5, 0.75, 1, 1.25, 1.5],
                       "exit_period": [5, 10, 15, 20, 25], "exit_multiple": [1, 1.5, 2, 2.5, 3]},
    "TREND_FOLLOWING": {"period": [*range(10, 110, 5)], "adx_period": [7, 10, 14, 20],
                        "adx_threshold": [10, 15, 20, 25, 30]},
    "MOMENTUM": {"period": [*range(5, 105, 5)], "threshold_pct": [0.5 * step for step in range(20)]},
    "EXPRESSION": {"constants.n": [*range(5, 45, 2)], "constants.k": [*range(0, 40, 2)]},
}  # fmt: skip
"""Some 400 trials of each. BUY_AND_HOLD has stops alone to search, which every engine fills in a way of its own."""
OPTIMIZED: Final = {"fast": [*range(5, 45, 5)], "slow": [*range(50, 130, 10)]}
"""The grid of a moving average cross that backtesting.py's `optimize` searches."""


def request_of(rule: str, axes: dict[str, list[float]], common: dict[str, Any]) -> StudyRequest:
    """The study of the product over these axes."""
    raw = {"rule_type": rule, "space": {f"params.{name}": values for name, values in axes.items()}}
    fixed = {"params": FORMULAS} if rule == "EXPRESSION" else {}
    return StudyRequest.parse(raw | fixed | common)


def combinations(rule: str, axes: dict[str, list[float]]) -> list[dict[str, float]]:
    """The parameters of each trial, in the order of the product."""
    days = {"symbols": ["AAA"], "start_date": "2000-01-03", "end_date": "2010-01-01"}
    planned = plan(request_of(rule, axes, days))
    names = {f"params.{name}": name.removeprefix("constants.") for name in axes}
    chosen = map(planned.values, range(planned.trials))
    return [{names[name]: float(str(value)) for name, value in one.items()} for one in chosen]
