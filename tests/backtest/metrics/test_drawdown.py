import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.metrics import CATALOGUE
from backtest.metrics.drawdown import drawdown_table
from tests.backtest.metric_accounts import account

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-20"]


def figure(name, equity, **rest):
    return CATALOGUE[name](account(equity, **rest))


def test_a_drawdown_runs_from_its_peak_to_the_first_close_that_is_not_below_it():
    table = drawdown_table(account([100, 120, 90, 110, 120, 119, 130], times=DAYS))

    assert table == [
        {"start": "2024-01-02", "trough": "2024-01-03", "recovery": "2024-01-09",
         "depth": -0.25, "days": 7.0, "bars": 3},
        {"start": "2024-01-09", "trough": "2024-01-10", "recovery": "2024-01-20",
         "depth": pytest.approx(-1 / 120), "days": 11.0, "bars": 2},
    ]  # fmt: skip


def test_an_open_drawdown_runs_to_the_end_and_has_no_recovery():
    (row,) = drawdown_table(account([100, 120, 90, 110, 100, 96, 108], times=DAYS))

    assert (row["start"], row["trough"], row["recovery"]) == ("2024-01-02", "2024-01-03", None)
    assert (row["days"], row["bars"]) == (18.0, 5)


def test_the_initial_capital_is_a_peak():
    assert figure("max_drawdown", [100, 80, 90]) == pytest.approx(-0.2)


def test_equity_that_never_falls_has_no_drawdown_at_all():
    rising = account([100, 100, 110, 120])

    assert drawdown_table(rising) == []
    for name in ("max_drawdown", "max_drawdown_days", "max_drawdown_bars", "avg_drawdown", "ulcer_index"):
        assert CATALOGUE[name](rising) == 0


def test_the_table_holds_the_deepest_first_and_no_more_than_asked_for():
    equity = [100, 90, 100, 80, 100, 95, 100]

    depths = [row["depth"] for row in drawdown_table(account(equity), rows=2)]

    assert depths == pytest.approx([-0.2, -0.1])


def test_the_longest_drawdown_is_not_always_the_deepest():
    equity = [100, 99, 99, 99, 100, 50, 100]

    assert figure("max_drawdown_bars", equity) == 4
    assert figure("max_drawdown", equity) == -0.5


def test_the_average_drawdown_counts_each_drawdown_once():
    assert figure("avg_drawdown", [100, 90, 80, 100, 90, 100]) == pytest.approx(-0.15)


def test_the_ulcer_index_divides_by_the_number_of_returns():
    value = figure("ulcer_index", [100, 90, 80, 100, 100])  # sum of squares 0.01 + 0.04 over 4

    assert value == pytest.approx(np.sqrt(0.05 / 4))


def test_calmar_is_cagr_over_the_depth_of_the_deepest_fall():
    times = ["2020-01-01", "2020-07-01", "2021-01-01"]  # 366 days

    value = figure("calmar_ratio", [100, 80, 121], times=times)

    assert value == pytest.approx((1.21 ** (365.25 / 366) - 1) / 0.2)


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=60))
@settings(deadline=None)
def test_drawdowns_agree_with_a_walk_over_the_closes(equity):
    walked, peak, start = [], equity[0], None
    lowest = 0.0
    for bar, value in enumerate(equity):
        if value >= peak:
            if start is not None:
                walked.append((start, bar, lowest))
            peak, last_peak, start, lowest = value, bar, None, 0.0
        else:
            start = last_peak
            lowest = min(lowest, value / peak - 1)
    if start is not None:
        walked.append((start, len(equity) - 1, lowest))

    found = account(equity).drawdowns

    rows = list(zip(found.peak.tolist(), found.recovery.tolist(), found.depth.tolist(), strict=True))
    assert rows == walked
    assert found.open == (start is not None)
