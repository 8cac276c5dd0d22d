"""Known falls of the market: that they are where they are said to be, and what a run did in them."""

import numpy as np
import pytest

from backtest import samples
from backtest.metrics.crises import CRISES, covered

DAYS = np.arange("2020-01-01", "2020-06-01", dtype="datetime64[D]").astype("datetime64[s]")


@pytest.fixture(scope="module")
def sp500():
    bars = samples.load("SP500").bars
    return bars.times.astype("datetime64[D]"), bars.close[:, 0]


def test_each_fall_runs_from_the_highest_to_the_lowest_close_of_its_days(sp500):
    days, close = sp500
    seen = 0

    for crisis in CRISES:
        inside = (days >= np.datetime64(crisis.first)) & (days <= np.datetime64(crisis.last))
        if days[0] <= np.datetime64(crisis.first) and np.datetime64(crisis.last) <= days[-1]:
            assert str(days[inside][close[inside].argmax()]) == crisis.first, crisis
            assert str(days[inside][close[inside].argmin()]) == crisis.last, crisis
            seen += 1
    assert seen >= 6


def test_falls_are_in_the_order_of_time_and_each_has_its_own_name():
    assert len({crisis.name for crisis in CRISES}) == len(CRISES)
    assert [crisis.first for crisis in CRISES] == sorted(crisis.first for crisis in CRISES)


def test_a_run_is_compared_between_the_two_closes():
    equity, benchmark = np.full(len(DAYS), 100.0), np.full(len(DAYS), 200.0)
    day = {str(time.astype("datetime64[D]")): place for place, time in enumerate(DAYS)}
    equity[day["2020-03-01"] :] = 90
    equity[day["2020-03-10"] :] = 95
    benchmark[day["2020-03-23"]] = 130
    benchmark[day["2020-03-24"]] = 1  # after the period

    (row,) = covered(DAYS, equity, benchmark)

    assert (row["name"], row["first"], row["last"], row["whole"]) == (
        "COVID-19",
        "2020-02-19",
        "2020-03-23",
        True,
    )
    assert row["return"] == pytest.approx(-0.05)
    assert row["max_drawdown"] == pytest.approx(-0.1)
    assert row["benchmark_return"] == pytest.approx(-0.35)


@pytest.mark.parametrize(("first", "last"), [("2020-03-02", "2020-06-01"), ("2020-01-01", "2020-03-12")])
def test_a_run_that_begins_or_ends_within_a_fall_covers_it_in_part(first, last):
    days = DAYS[(np.datetime64(first) <= DAYS) & (np.datetime64(last) > DAYS)]

    (row,) = covered(days, np.ones(len(days)), np.ones(len(days)))

    assert row["whole"] is False


def test_a_run_elsewhere_in_time_covers_none_and_one_from_nothing_has_no_return():
    calm = np.arange("2016-06-01", "2016-12-01", dtype="datetime64[D]").astype("datetime64[s]")

    assert covered(calm, np.ones(len(calm)), np.ones(len(calm))) == []
    ruined = covered(DAYS, np.zeros(len(DAYS)) - 1, np.ones(len(DAYS)))[0]
    assert (ruined["return"], ruined["max_drawdown"]) == (None, None)
