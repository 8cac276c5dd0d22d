"""Return, volatility, Sharpe ratio and beta of a moving window, of a run and of its benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from backtest.metrics import Account
from backtest.metrics.periods import Rolling, rolling
from web.presentation.decimation import Floats, Times

NAMES: Final = (
    "rolling_return", "rolling_volatility", "rolling_sharpe", "rolling_beta",
    "benchmark_rolling_return", "benchmark_rolling_volatility", "benchmark_rolling_sharpe",
)  # fmt: skip
_COLUMNS: Final = {
    "return": "total_return", "volatility": "volatility", "sharpe": "sharpe_ratio", "beta": "beta",
}  # fmt: skip
_WINDOWS: Final = (
    (1 / 12, "1 month"),
    (1 / 4, "3 months"),
    (1 / 2, "6 months"),
    (1, "1 year"),
    (3, "3 years"),
)


def windows(periods_per_year: int, periods: int) -> list[tuple[int, str, bool]]:
    """The windows to choose from: returns in each, name, whether it is the one that is shown first."""
    lengths = [(round(share * periods_per_year), label) for share, label in _WINDOWS]
    fitting = [(length, label) for length, label in lengths if 5 <= length < periods]
    usual = max((length for length, _ in fitting if length <= periods_per_year // 2), default=0)
    return [(length, f"{label} ({length})", length == usual) for length, label in fitting]


def curves(account: Account, window: int) -> tuple[Times, Mapping[str, Floats]]:
    """Every curve of `NAMES` at the closes that end a period; unknown where returns are not defined."""
    own = rolling(account, window=window)
    benchmark = (
        None if account.benchmark is None else rolling(_held(account, account.benchmark), window=window)
    )
    by_name: dict[str, Floats] = {}
    for prefix, found in (("", own), ("benchmark_", benchmark)):
        for name in ("return", "volatility", "sharpe"):
            by_name[f"{prefix}rolling_{name}"] = _values(account, found, name)
    by_name["rolling_beta"] = _values(account, own, "beta")
    return account.period_times, {name: by_name[name] for name in NAMES}


def _held(account: Account, benchmark: Floats) -> Account:
    return replace(account, equity=benchmark, benchmark=None)


def _values(account: Account, found: Rolling | None, name: str) -> Floats:
    if found is None:
        return np.full(len(account.period_times), np.nan)
    values: Floats = getattr(found, _COLUMNS[name])
    return values
