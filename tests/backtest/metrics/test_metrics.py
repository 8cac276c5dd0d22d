import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtest.metrics import CATALOGUE, METRICS, compute_metrics
from backtest.metrics.catalogue import as_json, as_markdown
from backtest.metrics.probability import deflated_sharpe_ratio
from backtest.metrics.returns import by_trading_periods
from tests.backtest.metric_accounts import GOLDEN_EQUITY, account, accounts, golden, weekdays

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("volatility", 0.378528),
        ("sharpe_ratio", 3.107956),
        ("sortino_ratio", 4.920674),
        ("max_drawdown", -0.048780),
        ("var_95", -0.030830),
        ("cvar_95", -0.043902),
        ("beta", 1.355678),
        ("alpha", -0.206016),
        ("information_ratio", 0.895128),
        ("tracking_error", 0.175047),
        ("profit_factor", 2.363636),
        ("kelly", 0.346154),
        ("sqn", 0.804663),
        ("psr", 0.707074),
    ],
)
def test_the_golden_vector_is_met_to_the_printed_digit(name, expected):
    value = compute_metrics(golden()).values[name]

    assert round(value, 6) == expected


@pytest.mark.parametrize(("name", "expected"), [("sharpe_ratio", 3.055639), ("sortino_ratio", 4.825534)])
def test_the_golden_vector_is_met_with_a_risk_free_rate_of_two_percent(name, expected):
    value = compute_metrics(golden(risk_free_rate=0.02)).values[name]

    assert round(value, 6) == expected


def test_the_golden_vector_has_its_deflated_sharpe_ratio():
    value = deflated_sharpe_ratio(golden(), trials=20, deviation=0.05)

    assert round(value, 6) == 0.610406


def test_the_golden_vector_grows_by_its_cagr_once_the_run_is_long_enough():
    days = [np.datetime64("2024-01-02") + 10 * step for step in range(11)]

    value = CATALOGUE["cagr"](account(GOLDEN_EQUITY, times=days))

    assert value == pytest.approx(1.045 ** (365.25 / 100) - 1)
    assert round(1.045 ** (365.25 / 14) - 1, 6) == 2.153046  # metrics of the vector's own 14 days


def test_the_golden_vector_grows_by_its_periods_where_no_rule_of_days_is_asked():
    assert round(by_trading_periods(golden()), 6) == 2.032009


def test_a_run_of_less_than_ninety_days_has_no_yearly_growth_and_says_why():
    metrics = compute_metrics(golden())

    for name in ("cagr", "annual_return", "calmar_ratio"):
        assert metrics.values[name] is None
        assert metrics.reasons[name] == "undefined: 14 days, at least 90 needed"


def test_a_good_day_is_not_a_year_of_ten_to_the_twelve_percent():
    metrics = compute_metrics(account([100, 110], times=["2024-01-02", "2024-01-03"]))

    assert metrics.values["total_return"] == pytest.approx(0.1)
    assert metrics.values["annual_return"] is None


def test_the_ulcer_index_is_over_every_bar_within_the_day():
    times = ["2024-01-02T10:00", "2024-01-02T14:00", "2024-01-03T10:00", "2024-01-03T14:00"]
    run = account([100, 90, 100, 100], times=times, timeframe="4h")

    assert compute_metrics(run).values["ulcer_index"] == pytest.approx(math.sqrt(0.1**2 / 3))


def test_ninety_days_are_enough_for_a_cagr():
    value = CATALOGUE["cagr"](account([100, 110], times=["2024-01-01", "2024-03-31"]))

    assert value == pytest.approx(1.1 ** (365.25 / 90) - 1)


def test_every_undefined_figure_and_no_other_has_a_reason():
    metrics = compute_metrics(account([100.0]))

    undefined = {name for name, value in metrics.values.items() if value is None}
    assert undefined == set(metrics.reasons)
    assert all(metrics.reasons.values())


def test_a_run_without_trades_has_no_trade_figures_and_not_zeros():
    metrics = compute_metrics(account([100, 101, 102]))

    assert metrics.values["num_trades"] == 0
    for name in ("win_rate", "profit_factor", "expectancy", "sqn", "kelly", "best_trade_pct"):
        assert (metrics.values[name], metrics.reasons[name]) == (None, "undefined: no trades")


def test_an_account_that_never_moves_has_no_ratios():
    metrics = compute_metrics(account([100, 100, 100, 100, 100]))

    assert metrics.values["volatility"] == 0
    assert metrics.reasons["sharpe_ratio"] == "undefined: zero variance"
    assert metrics.reasons["sortino_ratio"] == "undefined: no returns below the risk-free rate"
    assert metrics.reasons["psr"] == "undefined: zero variance"


def test_steady_growth_does_not_turn_rounding_into_a_sharpe_ratio():
    metrics = compute_metrics(account(100 * 1.01 ** np.arange(200)))

    assert metrics.values["sharpe_ratio"] is None


def test_equity_of_zero_before_the_end_leaves_returns_undefined_but_not_the_total():
    metrics = compute_metrics(account([100, 50, 0, 0]))

    assert metrics.values["total_return"] == -1
    assert metrics.values["max_drawdown"] == -1
    assert metrics.reasons["sharpe_ratio"] == ("undefined: equity ≤ 0 on 2024-01-04")
    assert metrics.reasons["annual_return"] == "Annual return undefined: equity ≤ 0"


def test_a_debt_at_the_end_is_a_loss_of_more_than_everything():
    metrics = compute_metrics(account([100, 80, -20]))

    assert metrics.values["total_return"] == pytest.approx(-1.2)
    assert metrics.values["max_drawdown"] == pytest.approx(-1.2)
    assert metrics.values["worst_period"] == pytest.approx(-1.25)


def test_without_a_benchmark_its_figures_say_so():
    metrics = compute_metrics(account([100, 101, 99]))

    assert metrics.reasons["beta"] == "undefined: no benchmark"
    assert metrics.reasons["benchmark_return"] == "undefined: no benchmark"


def test_holding_the_benchmark_itself_has_beta_one_and_no_information_ratio():
    prices = [100, 103, 101, 104, 102]

    metrics = compute_metrics(account(prices, benchmark=prices))

    assert metrics.values["beta"] == pytest.approx(1)
    assert metrics.values["alpha"] == pytest.approx(0, abs=1e-12)
    assert metrics.values["tracking_error"] == 0
    assert metrics.reasons["information_ratio"] == "undefined: zero tracking error"


def test_a_flat_benchmark_has_no_beta():
    metrics = compute_metrics(account([100, 103, 101], benchmark=[5, 5, 5]))

    assert metrics.reasons["beta"] == "undefined: zero variance of benchmark returns"


def test_intraday_equity_is_resampled_to_the_close_of_each_day():
    times = [
        "2024-01-02T10:00",
        "2024-01-02T16:00",
        "2024-01-03T10:00",
        "2024-01-03T16:00",
        "2024-01-04T16:00",
    ]
    within = account([100, 110, 55, 99, 108.9], times=times, timeframe="1h")

    np.testing.assert_allclose(within.returns, [0.1, -0.1, 0.1])
    assert within.periods_per_year == 252


def test_a_fall_within_the_day_is_a_drawdown_all_the_same():
    times = ["2024-01-02T10:00", "2024-01-02T16:00", "2024-01-03T10:00", "2024-01-03T16:00"]
    within = account([100, 110, 55, 110], times=times, timeframe="1h")

    assert CATALOGUE["max_drawdown"](within) == -0.5


@pytest.mark.parametrize(
    ("timeframe", "times", "expected"),
    [
        ("1d", weekdays(40), 252),
        ("1d", np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]"), 365),
        ("1w", np.arange("2024-01-01", "2024-06-01", 7, dtype="datetime64[D]"), 52),
        ("1mo", np.arange("2020-01", "2024-01", dtype="datetime64[M]"), 12),
        ("3mo", np.arange("2020-01", "2024-01", 3, dtype="datetime64[M]"), 4),
        ("1y", np.arange("2000", "2024", dtype="datetime64[Y]"), 1),
    ],
)
def test_the_year_has_as_many_periods_as_the_market_trades(timeframe, times, expected):
    assert account(np.ones(len(times)), times=times, timeframe=timeframe).periods_per_year == expected


def test_every_figure_of_the_catalogue_can_be_printed_and_explained():
    for entry in as_json():
        assert entry["label"]
        assert entry["formula"]
        assert entry["source"]
        assert entry["format"] in {"percent", "points", "ratio", "currency", "days", "bars", "count"}
        assert entry["better"] in {"higher", "lower", None}

    assert len({entry["name"] for entry in as_json()}) == len(METRICS)


def test_the_documentation_describes_every_figure_as_the_catalogue_does():
    document = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")

    assert as_markdown() in document


@given(accounts())
@settings(max_examples=200, deadline=None)
def test_any_account_gives_finite_figures_or_reasons_and_never_a_warning(anything):
    metrics = compute_metrics(anything)

    json.dumps(metrics.values, allow_nan=False)
    for name, value in metrics.values.items():
        assert (value is None) == (name in metrics.reasons)


def test_where_a_return_is_beyond_all_numbers_the_tail_is_a_reason_and_no_warning():
    metrics = compute_metrics(account(np.array([1e-320, 1e-323, -1e300])))

    assert metrics.values["var_95"] is None
    assert metrics.values["cvar_95"] is None


@st.composite
def sound_accounts(draw):
    count = draw(st.integers(2, 60))
    moves = draw(arrays(float, count - 1, elements=st.floats(-0.3, 0.4)))
    market = draw(arrays(float, count - 1, elements=st.floats(-0.3, 0.4)))
    equity = 100_000 * np.cumprod(np.concatenate(([1.0], 1 + moves)))
    return account(equity, benchmark=np.cumprod(np.concatenate(([50.0], 1 + market))))


BOUNDS = {
    "max_drawdown": (-1, 0), "avg_drawdown": (-1, 0), "ulcer_index": (0, 1), "volatility": (0, math.inf),
    "psr": (0, 1), "correlation": (-1, 1), "positive_periods": (0, 1), "tracking_error": (0, math.inf),
    "total_return": (-1, math.inf), "annual_return": (-1, math.inf), "max_drawdown_bars": (0, 60),
}  # fmt: skip


@given(sound_accounts())
@settings(deadline=None)
def test_figures_keep_their_bounds(sound):
    values = compute_metrics(sound).values

    for name, (low, high) in BOUNDS.items():
        assert values[name] is None or low <= values[name] <= high, name
    for low, high in (("worst_period", "cvar_95"), ("cvar_95", "var_95"), ("var_95", "best_period")):
        assert values[low] <= values[high] + 1e-15


@given(sound_accounts(), st.sampled_from([0.5, 2.0, 1024.0]))
@settings(deadline=None)
def test_figures_of_returns_do_not_depend_on_the_size_of_the_account(sound, scale):
    scaled = account(sound.equity * scale, benchmark=sound.benchmark)

    before, after = compute_metrics(sound).values, compute_metrics(scaled).values

    money = {"final_equity", "turnover"}
    assert {k: v for k, v in before.items() if k not in money} == {
        k: v for k, v in after.items() if k not in money
    }
