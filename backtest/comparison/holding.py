"""The figures of the benchmark itself: what holding it earned, by the same definitions as the account's."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from backtest.metrics.account import Account
from backtest.metrics.catalogue import METRICS, Metrics, evaluate

GROUPS: Final = ("return", "risk", "drawdown")
"""Of what equity alone decides: the benchmark makes no trades and pays no costs."""
HELD: Final = tuple(metric for metric in METRICS if metric.group in GROUPS)


def metrics_of_benchmark(account: Account) -> Metrics:
    """Every metric of return, risk and drawdown for the benchmark of this account, by the same names."""
    if account.benchmark is None:
        return Metrics(dict.fromkeys(metric.name for metric in HELD), {})
    return evaluate(HELD, replace(account, equity=account.benchmark, held=np.ones(len(account.times), bool)))
