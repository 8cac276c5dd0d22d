import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtest.prices.quality import find_gaps, inspect_bars, trades_touching
from tests.backtest.metric_accounts import trades, weekdays
from tests.backtest.price_bars import bars, walk


def report(close, **rest):
    return inspect_bars(bars(close, **rest))[0]


def days(*texts):
    return np.array(texts, dtype="datetime64[s]")


def test_ordinary_prices_have_a_clean_report():
    found = report(walk(500)).as_json()

    assert found["suspect_bars"] == 0
    for kind in ("gaps", "outliers", "spikes", "suspected_splits", "zero_volume", "stale"):
        assert found[kind] == {"count": 0, "listed": []}
    assert (found["bars"], found["first_bar"], found["duplicates"]) == (500, "2024-01-02", 0)


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("2024-01-05", "2024-01-08", False),  # a weekend
        ("2024-01-12", "2024-01-16", False),  # Martin Luther King Day
        ("2024-03-28", "2024-04-02", False),  # Easter in Europe
        ("2001-09-10", "2001-09-17", True),  # the closed week
        ("2024-01-02", "2024-01-08", True),
    ],
)
def test_a_gap_is_more_than_two_missing_weekdays(before, after, missing):
    assert list(find_gaps(days(before, after), "1d")) == ([1] if missing else [])


def test_where_weekends_are_traded_every_day_counts():
    daily = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]").astype("datetime64[s]")

    with_gap = np.delete(daily, [30, 31, 32])
    without = np.delete(daily, [30, 31])

    assert list(find_gaps(with_gap, "1d")) == [30]
    assert list(find_gaps(without, "1d")) == []


@pytest.mark.parametrize(
    ("timeframe", "after"), [("1w", "2024-01-29"), ("1mo", "2024-04-01"), ("1y", "2027-01-01")]
)
def test_longer_bars_may_be_missing_for_longer(timeframe, after):
    assert list(find_gaps(days("2024-01-01", "2024-01-08", after), timeframe)) == [2]


def test_minutes_of_the_night_are_no_gap():
    assert list(find_gaps(days("2024-01-05T15:59", "2024-01-08T09:30"), "1m")) == []
    assert list(find_gaps(days("2024-01-05T15:59", "2024-01-11T09:30"), "1m")) == [1]


def test_the_worst_gaps_are_listed_first():
    times = days("2024-01-01", "2024-01-08", "2024-01-09", "2024-02-09")

    found = report([100, 100, 101, 101], times=times).as_json()["gaps"]

    assert found["count"] == 2
    assert found["listed"][0] == {"after": "2024-01-09", "before": "2024-02-09", "days": 31.0}


def test_a_wrong_print_is_a_spike():
    close = walk(300)
    close[150] *= 1.5

    found = report(close)

    assert list(found.spikes) == [150]
    assert found.as_json()["spikes"]["listed"][0]["return"] == pytest.approx(close[150] / close[149] - 1)


def test_a_crash_that_stays_is_an_outlier_and_no_spike():
    close = walk(300)
    close[150:] *= 0.7

    found = report(close)

    assert (list(found.outliers), list(found.spikes)) == ([150], [])


def test_a_large_move_among_large_moves_is_neither():
    quiet, wild = walk(2_000, step=0.005), walk(60, seed=2, step=0.08)
    close = np.concatenate((quiet, quiet[-1] * wild / 100))

    found = report(close)

    assert len(found.outliers) <= 1  # the first wild day still has quiet ones before it
    assert len(found.spikes) == 0


@pytest.mark.parametrize(
    ("factor", "name"),
    [(2.0, "2:1"), (1.5, "3:2"), (3.0, "3:1"), (10.0, "10:1"), (0.5, "1:2"), (0.1, "1:10")],
)
def test_prices_not_adjusted_for_a_split_are_suspected(factor, name):
    close = walk(300)
    volume = np.full(300, 1_000.0)
    close[150:] /= factor
    volume[150:] *= factor
    opened = np.concatenate((close[:1], close[:-1]))
    opened[150] = close[150]

    found = report(close, opened=opened, volume=volume)

    assert list(found.splits) == [150]
    assert found.as_json()["suspected_splits"]["listed"][0]["looks_like"] == name


def test_a_crash_of_a_half_on_ten_times_the_volume_is_no_split():
    close = walk(300)
    volume = np.full(300, 1_000.0)
    close[150:] /= 2
    volume[150:155] *= 10
    opened = np.concatenate((close[:1], close[:-1]))
    opened[150] = close[150]

    assert list(report(close, opened=opened, volume=volume).splits) == []


def test_a_fall_within_the_day_is_no_split():
    close = walk(300)
    close[150:] /= 2

    assert list(report(close).splits) == []


def test_bars_without_volume_are_suspect_unless_there_is_none_at_all():
    close = walk(100)

    some = report(close, volume=np.where(np.arange(100) == 40, 0, 500))
    none = report(close, volume=0.0)

    assert (list(some.zero_volume), list(none.zero_volume)) == ([40], [])


def test_one_price_for_five_bars_is_stale_from_the_fifth_on():
    close = walk(50)
    close[20:27] = close[20]
    prices = bars(close)
    prices.high[20:27] = prices.low[20:27] = prices.open[20:27] = close[20]

    (found,) = inspect_bars(prices)

    assert list(found.stale) == [24, 25, 26]


def test_a_trade_touches_what_it_holds_over_and_fills_at():
    close = walk(300)
    close[150:] *= 0.7
    volume = np.where(np.arange(300) == 200, 0, 500)
    closed = trades([1, 2, 3, 4], entry_bar=[100, 110, 150, 160], exit_bar=[120, 150, 190, 200])

    reports = inspect_bars(bars(close, volume=volume))
    touching = trades_touching(reports, closed, rows=[np.arange(300)])
    later = trades_touching(reports, closed, rows=[np.arange(50, 300)])

    assert touching == {
        "count": 3,
        "listed": [
            {"trade": 1, "symbol": "AAA", "kinds": ["outlier"]},
            {"trade": 2, "symbol": "AAA", "kinds": ["outlier"]},
            {"trade": 3, "symbol": "AAA", "kinds": ["zero_volume"]},
        ],
    }
    assert [row["trade"] for row in later["listed"]] == [0, 1, 2]


def test_holding_over_a_bar_without_volume_touches_nothing():
    prices = bars(walk(100), volume=np.where(np.arange(100) == 40, 0, 500))

    held = trades([1], entry_bar=[30], exit_bar=[50])

    assert trades_touching(inspect_bars(prices), held, rows=[np.arange(100)])["count"] == 0


def test_a_single_bar_can_be_inspected():
    assert report([100]).as_json()["suspect_bars"] == 0


@given(arrays(float, st.integers(1, 60), elements=st.floats(1e-6, 1e9)), st.floats(0, 1e12))
@settings(deadline=None)
def test_any_prices_can_be_inspected_without_a_warning(close, volume):
    found = report(close, volume=volume, times=weekdays(len(close)))

    json.dumps(found.as_json(), allow_nan=False)
    assert 0 <= found.suspect_bars <= len(close)
