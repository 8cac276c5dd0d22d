"""Curves for a screen: what is kept when they are thinned, and which bars a range has."""

import numpy as np
import pytest

from tests.web.conftest import asked_again
from web.presentation.decimation import as_lists, between, downsample
from web.results import curves as run_curves

DAYS = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]").astype("datetime64[s]")


def test_a_short_curve_is_kept_whole():
    assert downsample([np.arange(5.0)], 10).tolist() == [0, 1, 2, 3, 4]


def test_each_bucket_keeps_its_lowest_and_highest_bar_and_the_ends_are_always_there():
    curve = np.array([5, 9, 1, 5, 5, 2, 5, 8, 5, 5.0])

    kept = downsample([curve], 4)  # two buckets of five bars

    assert kept.tolist() == [0, 1, 2, 5, 7, 9]


def test_the_peaks_of_every_curve_are_kept():
    flat, spike = np.zeros(1_000), np.zeros(1_000)
    flat[123], spike[877] = -1, 1

    kept = downsample([flat, spike], 40)

    assert {123, 877} <= set(kept.tolist())
    assert len(kept) <= 42


def test_the_last_incomplete_bucket_keeps_its_peak():
    curve = np.zeros(103)
    curve[102 - 1] = 7

    assert 101 in downsample([curve], 20)


def test_unknown_values_do_not_hide_known_ones():
    curve = np.full(100, np.nan)
    curve[50] = 3

    assert 50 in downsample([curve], 10)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (None, None, [1, 10]),
        ("2024-01-03", "2024-01-05", [2, 6]),
        ("2024-01-09", None, [8, 10]),
        ("2030-01-01", None, [10, 10]),
        (None, "2020-01-01", [1, 1]),
    ],
)
def test_a_range_has_one_more_bar_on_each_side_and_is_never_empty(first, last, days):
    moments = [None if text is None else np.datetime64(text, "s") for text in (first, last)]

    chosen = DAYS[between(DAYS, *moments)].astype("datetime64[D]").astype(object)

    assert [chosen[0].day, chosen[-1].day] == days


def test_lists_hold_seconds_and_none_for_what_is_unknown():
    listed = as_lists(DAYS[:3], {"equity": np.array([1, np.nan, 1 / 3])}, 10)

    assert listed == {"times": [1704067200, 1704153600, 1704240000], "equity": [1.0, None, 0.3333333333]}


def test_a_curve_is_sent_once_and_again_only_for_another_question(client, finished):
    run_id = finished(start_date="2018-01-02")
    address = f"/api/runs/{run_id}/curves?names=equity,drawdown&points=100"

    assert asked_again(client, address, address.replace("points=100", "points=50")) == (200, 304, b"", 200)


@pytest.mark.parametrize(
    ("query", "field"),
    [("names=equity,magic", "names"), ("names=", "names"), ("points=5", "points"), ("from=-99999999999", "from"),
     ("names=price&symbol=GOOG", "symbol")],
)  # fmt: skip
def test_a_wrong_question_is_named(client, finished, query, field):
    answer = client.get(f"/api/runs/{finished(start_date='2018-01-02')}/curves?{query}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)


def test_markers_lie_where_the_trades_were_filled(client, finished):
    run_id = finished(start_date="2018-01-02")

    found = client.get(f"/api/runs/{run_id}/markers?symbol=SP500").json

    trades = client.get(f"/runs/{run_id}/result.json").json["trades"]
    assert found["total"] == len(trades) == len(found["trades"])
    for marker, trade in zip(sorted(found["trades"], key=lambda one: one["seq"]), trades, strict=True):
        entry = np.datetime64(marker["entry"], "s").astype("datetime64[D]")
        assert str(entry) == trade["entry_time"][:10]
        assert marker["entry_fill"] == trade["entry_fill"]


def test_markers_of_another_symbol_are_none(client, finished):
    assert client.get(f"/api/runs/{finished(start_date='2018-01-02')}/markers?symbol=GOOG").json == {
        "trades": [],
        "total": 0,
        "density": None,
    }


def test_the_profit_of_each_bar_adds_up_to_the_profit_of_the_run(client, finished):
    run_id = finished(start_date="2018-01-02")

    pnl = client.get(f"/api/runs/{run_id}/curves?names=trade_pnl&points=20000").json["trade_pnl"]

    final = client.get(f"/api/runs/{run_id}").json["metrics"]["final_equity"]
    assert sum(pnl) == pytest.approx(final - 100_000)


def test_a_run_without_a_result_has_no_curves(client, submit):
    run_id = submit()

    assert [client.get(f"/api/runs/{run_id}/{name}").status_code for name in
            ("curves", "markers", "charts/equity.png")] == [404, 404, 404]  # fmt: skip


def test_a_curve_that_is_named_often_is_computed_once(client, finished, monkeypatch):
    run_id, computed = finished(), []
    curve = run_curves.curve

    def counted(run, stored, name, symbol):
        computed.append(name)
        return curve(run, stored, name, symbol)

    monkeypatch.setattr(run_curves, "curve", counted)

    answer = client.get(f"/api/runs/{run_id}/curves?names={','.join(['trade_pnl', 'equity'] * 40)}")

    assert answer.status_code == 200
    assert computed == ["trade_pnl", "equity"]


def test_all_curves_together_are_no_more_than_one_answer_gives():
    assert len(run_curves.NAMES) <= 11
