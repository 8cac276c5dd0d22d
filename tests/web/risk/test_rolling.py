"""Rolling metrics of a chosen window, and the room that shows them."""

import numpy as np
import pytest

from tests.web.conftest import PAGE
from web.risk.rolling import NAMES, windows

RUINED = {
    "rule_type": "EXPRESSION",
    "params": {"entry": "false", "short_entry": "true"},
    "direction": "short_only",
}


def test_windows_are_named_and_those_that_the_run_is_too_short_for_are_left_out():
    assert windows(252, 5_000) == [
        (21, "1 month (21)", False), (63, "3 months (63)", False), (126, "6 months (126)", True),
        (252, "1 year (252)", False), (756, "3 years (756)", False),
    ]  # fmt: skip
    assert windows(252, 100) == [(21, "1 month (21)", False), (63, "3 months (63)", True)]
    assert windows(12, 30) == [(6, "6 months (6)", True), (12, "1 year (12)", False)]
    assert windows(252, 3) == []


def test_the_window_that_is_asked_for_is_computed_for_run_and_benchmark(client, finished):
    run_id = finished(start_date="2017-01-03")
    curves = client.get(f"/api/runs/{run_id}/curves?names=equity,benchmark&points=20000").json

    found = client.get(f"/api/runs/{run_id}/rolling?window=21&points=20000").json

    assert (found["window"], found["bars"], len(found["times"])) == (
        21,
        len(curves["times"]),
        len(curves["times"]),
    )
    assert set(NAMES) <= found.keys()
    assert found["rolling_return"][:21] == [None] * 21
    for name, curve in (("rolling_return", "equity"), ("benchmark_rolling_return", "benchmark")):
        assert found[name][-1] == pytest.approx(curves[curve][-1] / curves[curve][-22] - 1, rel=1e-4)
    last = np.array(curves["benchmark"][-22:])
    assert found["benchmark_rolling_volatility"][-1] == pytest.approx(
        np.std(last[1:] / last[:-1] - 1, ddof=1) * np.sqrt(252), rel=1e-4
    )


def test_a_window_longer_than_the_run_is_all_unknown_and_a_wrong_one_is_named(client, finished):
    run_id = finished(start_date="2018-01-02")

    long = client.get(f"/api/runs/{run_id}/rolling?window=5000").json
    wrong = client.get(f"/api/runs/{run_id}/rolling?window=1")

    assert set(long["rolling_beta"]) == {None}
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (400, "window")


def test_the_risk_room_shows_known_falls_and_where_their_dates_are_from(client, finished):
    page = client.get(f"/runs/{finished(start_date='2011-01-03')}?tab=risk", headers=PAGE).text

    assert "Downgrade of US debt, euro crisis" in page
    assert "S&amp;P Dow Jones Indices" in page
    assert "Fourth quarter of 2018" in page
    assert "Financial crisis" not in page
    assert '<option value="126" selected>6 months (126)</option>' in page


def test_a_ruined_account_has_every_room_and_every_chart(client, finished):
    run_id = finished(**RUINED, start_date="2009-01-02")
    assert client.get(f"/api/runs/{run_id}").json["metrics"]["final_equity"] <= 0

    rooms = ("overview", "trades", "returns", "risk", "settings")
    answers = [client.get(f"/runs/{run_id}?tab={room}", headers=PAGE) for room in rooms]
    answers += [
        client.get(f"/api/runs/{run_id}/{part}")
        for part in (
            "rolling?window=21",
            "candles",
            "markers",
            "trades/0",
            "curves?names=rolling_sharpe,equity,drawdown",
        )
    ]
    answers.append(client.get(f"/runs/{run_id}/symbols", headers=PAGE))

    assert {answer.status_code for answer in answers} == {200}
