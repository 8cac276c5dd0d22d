"""Figures that ffn 1.4.1 gave for these returns. It is no dependency: scikit-learn would come with it.

They were printed by `ffn.core` with `nperiods=252`, on business days from 2015-01-01.
"""

import numpy as np
import pytest

from backtest.metrics.drawdown import calmar_ratio, max_drawdown
from backtest.metrics.probability import expected_best_sharpe, overfitting_probability
from backtest.metrics.returns import cagr, sharpe_ratio, sortino_ratio, volatility
from backtest.studies.statistics.deflated import Tried, deflated
from tests.backtest.metric_accounts import account, weekdays


def noise(seed):
    return np.random.default_rng(seed).normal(0.0, 0.01, (320, 12))


def with_an_edge():
    returns = noise(1)
    returns[:, 7] += 0.001
    return returns


BEST = 4
"""The trial with the highest Sharpe ratio of those with an edge."""


def test_the_probability_of_overfitting_is_that_of_ffn():
    assert overfitting_probability(with_an_edge()) == pytest.approx(0.3414918414918415, abs=1e-15)
    assert overfitting_probability(noise(3)) == pytest.approx(0.4802641802641803, abs=1e-15)


def test_the_deflated_sharpe_ratio_is_that_of_ffn():
    returns = with_an_edge()
    ratios = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    tried = Tried(12, float(ratios.mean()), float(ratios.var(ddof=1)))

    found = deflated(np.ascontiguousarray(returns[:, BEST]), tried, effective=12.0)

    assert int(np.argmax(ratios)) == BEST
    assert found.expected == pytest.approx(0.11351900105365481, rel=1e-12)
    assert found.expected == expected_best_sharpe(12, tried.variance**0.5)
    assert found.probability == pytest.approx(0.5662196033257222, rel=1e-12)


def test_figures_of_a_curve_are_those_of_ffn():
    growth = np.cumprod(1.0 + with_an_edge()[:, BEST])
    own = account([100.0, *(100.0 * growth)], times=weekdays(321, first="2015-01-01"))

    assert max_drawdown(own) == pytest.approx(-0.08218321639355242, rel=1e-12)
    assert sharpe_ratio(own) == pytest.approx(1.9497197464179947, rel=1e-12)
    assert volatility(own) == pytest.approx(0.1520599748145591, rel=1e-12)
    assert sortino_ratio(own) == pytest.approx(3.0720171496839477, rel=1e-12)
    assert cagr(own) == pytest.approx(0.3429391085442586, rel=1e-12)
    assert calmar_ratio(own) == pytest.approx(4.172860634974654, rel=1e-12)
