"""Requests of studies over short random walks, for the tests."""

import numpy as np

from backtest.studies.request import StudyRequest
from tests.backtest.price_bars import dataset, walk

RANGE = {"start_date": "1990-01-01", "end_date": "2100-01-01"}


def raw_study(**fields):
    """A sweep of a moving average cross over AAA unless said otherwise."""
    basis = {
        "symbols": ["AAA"],
        "rule_type": "MOVING_AVERAGE_CROSS",
        "space": {"params.fast": [2, 5, 10], "params.slow": {"from": 5, "to": 20, "step": 5}},
        "minimum_trades": 1,
    }
    return basis | RANGE | fields


def study(**fields):
    return StudyRequest.parse(raw_study(**fields))


def walks(*symbols, bars=400, step=0.02):
    """A random walk of its own for each symbol, all on the same days."""
    return {
        symbol: dataset(walk(bars, seed=seed, step=step), symbol=symbol, volume=volumes(bars, seed))
        for seed, symbol in enumerate(symbols or ("AAA",), start=1)
    }


def volumes(bars, seed):
    return 1_000.0 * np.exp(np.random.default_rng(1_000 + seed).normal(0.0, 0.7, bars))
