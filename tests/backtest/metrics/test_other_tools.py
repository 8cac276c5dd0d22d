import json
import warnings

import numpy as np
import pandas as pd
import pytest
from backtesting._stats import compute_stats
from hypothesis import given, settings
from vectorbt.returns import nb

from backtest.metrics import CATALOGUE
from backtest.metrics.other_tools import DEFINITIONS, values_of_other_tools
from backtest.metrics.returns import by_trading_periods
from tests.backtest.metric_accounts import GOLDEN_BENCHMARK, GOLDEN_PNL, account, accounts, golden, trades

PERCENTS = [1.2, -0.8, 0.5, -0.3, 0.9]


def golden_with_percents():
    return golden(closed=trades(GOLDEN_PNL, pnl_pct=PERCENTS))


def backtesting_stats(run):
    """What backtesting.py itself says of equity, trades and prices."""
    index = pd.DatetimeIndex(run.times)
    rows = pd.DataFrame(
        {
            "EntryBar": [0, 2, 4, 6, 8],
            "ExitBar": [1, 3, 5, 7, 9],
            "PnL": run.trades.pnl,
            "ReturnPct": run.trades.pnl_pct / 100,
            "Duration": pd.to_timedelta([1] * 5, unit="D"),
        }
    )
    prices = pd.DataFrame({"Close": run.benchmark}, index=index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compute_stats(rows, run.equity, prices, None, run.risk_free_rate)


@pytest.mark.parametrize("rate", [0.0, 0.02])
@pytest.mark.parametrize(
    ("name", "theirs", "scale"),
    [
        ("volatility", "Volatility (Ann.) [%]", 100),
        ("sharpe_ratio", "Sharpe Ratio", 1),
        ("sortino_ratio", "Sortino Ratio", 1),
        ("calmar_ratio", "Calmar Ratio", 1),
        ("beta", "Beta", 1),
        ("alpha", "Alpha [%]", 100),
        ("profit_factor", "Profit Factor", 1),
        ("avg_trade_pct", "Avg. Trade [%]", 1),
    ],
)
def test_the_figures_of_backtesting_py_are_its_own(name, theirs, scale, rate):
    run = golden(closed=trades(GOLDEN_PNL, pnl_pct=PERCENTS), risk_free_rate=rate)

    assert values_of_other_tools(run)[name]["backtesting.py"] * scale == pytest.approx(
        backtesting_stats(run)[theirs]
    )


@pytest.mark.parametrize(
    ("name", "theirs", "scale"),
    [
        ("total_return", "Return [%]", 100),
        ("max_drawdown", "Max. Drawdown [%]", 100),
        ("win_rate", "Win Rate [%]", 100),
        ("sqn", "SQN", 1),
        ("kelly", "Kelly Criterion", 1),
        ("best_trade_pct", "Best Trade [%]", 1),
    ],
)
def test_where_we_name_no_difference_to_backtesting_py_there_is_none(name, theirs, scale):
    run = golden_with_percents()

    assert CATALOGUE[name](run) * scale == pytest.approx(backtesting_stats(run)[theirs])


def test_the_annual_return_of_backtesting_py_is_ours_without_the_rule_of_ninety_days():
    theirs = backtesting_stats(golden_with_percents())["Return (Ann.) [%]"]

    assert 100 * by_trading_periods(golden_with_percents()) == pytest.approx(theirs)


def test_quantstats_agrees_on_the_probabilistic_sharpe_ratio_since_it_takes_raw_kurtosis():
    assert "psr" not in values_of_other_tools(golden())


def test_an_ulcer_index_by_days_is_not_compared_with_one_by_bars_within_the_day():
    times = np.datetime64("2024-01-02T10:00", "s") + np.arange(40) * np.timedelta64(3 * 3_600, "s")

    hourly = account(100 + np.arange(40.0) % 3, times=times, timeframe="3h")

    assert "ulcer_index" not in values_of_other_tools(hourly)


def test_the_figures_of_vectorbt_are_its_own():
    run = golden()
    moves, market = run.returns, np.diff(GOLDEN_BENCHMARK) / np.array(GOLDEN_BENCHMARK[:-1])

    found = {
        name: tools["vectorbt"] for name, tools in values_of_other_tools(run).items() if "vectorbt" in tools
    }

    assert found == pytest.approx(
        {
            "cagr": nb.annualized_return_1d_nb(moves, 365.0),
            "annual_return": nb.annualized_return_1d_nb(moves, 365.0),
            "volatility": moves.std(ddof=1) * np.sqrt(365),
            "sharpe_ratio": nb.sharpe_ratio_1d_nb(moves, 365.0),
            "sortino_ratio": nb.sortino_ratio_1d_nb(moves, 365.0),
            "calmar_ratio": nb.calmar_ratio_1d_nb(moves, 365.0),
            "alpha": nb.alpha_1d_nb(moves, market, 365.0),
            "information_ratio": nb.information_ratio_1d_nb(moves, market),
        }
    )


def test_with_a_year_of_252_days_vectorbt_agrees_on_a_thousand_random_days():
    moves, market = np.random.default_rng(5).normal(0.0005, 0.01, (2, 1000))
    run = account(
        1e5 * np.cumprod(np.concatenate(([1.0], 1 + moves))),
        benchmark=np.cumprod(np.concatenate(([1.0], 1 + market))),
    )

    ours = {
        name: CATALOGUE[name](run)
        for name in (
            "annual_return",
            "sharpe_ratio",
            "sortino_ratio",
            "max_drawdown",
            "var_95",
            "cvar_95",
            "beta",
        )
    }

    assert ours == pytest.approx(
        {
            "annual_return": nb.annualized_return_1d_nb(moves, 252.0),
            "sharpe_ratio": nb.sharpe_ratio_1d_nb(moves, 252.0),
            "sortino_ratio": nb.sortino_ratio_1d_nb(moves, 252.0),
            "max_drawdown": nb.max_drawdown_1d_nb(moves),
            "var_95": nb.value_at_risk_1d_nb(moves),
            "cvar_95": nb.cond_value_at_risk_1d_nb(moves),
            "beta": nb.beta_1d_nb(moves, market),
        }
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cagr", 2.032009),
        ("var_95", -0.034553),
        ("cvar_95", -0.044517),
        ("information_ratio", 0.056388),
        ("profit_factor", 1.634605),
        ("kelly", 0.232939),
    ],
)
def test_the_figures_of_quantstats_are_those_worked_out_on_the_golden_vector(name, expected):
    assert round(values_of_other_tools(golden())[name]["QuantStats"], 6) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("volatility", 1.184281), ("sharpe_ratio", 1.715817), ("sortino_ratio", 8.499179), ("beta", 1.362738)],
)
def test_the_figures_of_backtesting_py_are_those_worked_out_on_the_golden_vector(name, expected):
    assert round(values_of_other_tools(golden())[name]["backtesting.py"], 6) == expected


def test_what_a_tool_cannot_say_either_is_left_out():
    assert values_of_other_tools(account([100.0])) == {}
    assert values_of_other_tools(account([100, 100, 100])).keys() == {"volatility", "cagr", "annual_return"} | {
        "ulcer_index", "var_95", "cvar_95",
    }  # fmt: skip


@given(accounts())
@settings(max_examples=200, deadline=None)
def test_any_account_gives_finite_numbers_or_none(anything):
    found = values_of_other_tools(anything)

    json.dumps(found, allow_nan=False)


def test_only_figures_of_the_catalogue_are_compared():
    assert {name for name, _, _ in DEFINITIONS} <= set(CATALOGUE)


def test_a_year_of_days_is_not_forced_on_other_bars():
    weekly = account([100, 102, 101, 105], timeframe="1w")

    assert "vectorbt" not in values_of_other_tools(weekly)["sharpe_ratio"]
