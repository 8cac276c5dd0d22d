"""Candles and the rule's lines for the price chart of a run."""

import numpy as np
import pytest

from backtest import indicators, rules
from backtest.rules.lines import Line
from tests.web.conftest import asked_again
from web.trades import candles, priced
from web.trades.priced import Priced

TIMES = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]").astype("datetime64[s]")
RSI = {"rule_type": "RSI", "params": {"period": 2, "oversold": 10, "overbought": 60}}


def ten_days(**changes):
    close = np.arange(1.0, 11.0)
    made = {
        "symbol": "X", "timeframe": "1d", "times": TIMES, "volume": np.full(10, 5.0), "note": "",
        "ohlc": {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close},
        "lines": (Line("Double", close * 2), Line("Level", 3.0, "Own")),
    }  # fmt: skip
    return Priced(**(made | changes))


def test_bars_that_fit_are_each_one_candle():
    drawn = candles.candles(ten_days(), slice(0, 10), 10)

    assert (drawn["bars_per_candle"], drawn["bars_in_range"], len(drawn["times"])) == (1, 10, 10)
    assert drawn["times"][0] == 1704067200
    assert (drawn["open"][0], drawn["high"][0], drawn["low"][0], drawn["close"][0]) == (0.5, 2.0, 0.0, 1.0)


def test_several_bars_make_one_candle_and_none_is_left_out():
    drawn = candles.candles(ten_days(), slice(0, 10), 4)  # three bars each, one in the last

    assert (drawn["bars_per_candle"], len(drawn["times"])) == (3, 4)
    assert drawn["open"] == [0.5, 3.5, 6.5, 9.5]
    assert drawn["close"] == [3.0, 6.0, 9.0, 10.0]
    assert drawn["high"] == [4.0, 7.0, 10.0, 11.0]
    assert drawn["low"] == [0.0, 3.0, 6.0, 9.0]
    assert drawn["volume"] == [15.0, 15.0, 15.0, 5.0]
    assert drawn["panes"][0]["lines"][0]["values"] == [6.0, 12.0, 18.0, 20.0]


def test_a_part_of_the_bars_has_no_extreme_of_those_after_it():
    drawn = candles.candles(ten_days(), slice(2, 5), 10)

    assert drawn["close"] == [3.0, 4.0, 5.0]
    assert drawn["high"] == [4.0, 5.0, 6.0]


def test_levels_and_unknown_values_are_told_apart():
    volume = np.full(10, np.nan)

    drawn = candles.candles(ten_days(volume=volume), slice(0, 10), 10)

    assert drawn["volume"] == [None] * 10
    assert drawn["panes"] == [
        {"name": "price", "lines": [{"label": "Double", "values": [2.0 * day for day in range(1, 11)]}], "levels": []},
        {"name": "Own", "lines": [], "levels": [{"label": "Level", "value": 3.0}]},
    ]  # fmt: skip


def test_the_lines_of_a_run_are_warmed_up_on_the_symbols_own_history(client, finished, filled_database):
    run_id = finished(**RSI, start_date="2018-01-02")

    drawn = client.get(f"/api/runs/{run_id}/candles?symbol=SP500&candles=5000").json

    (pane,) = drawn["panes"]
    assert (pane["name"], [level["value"] for level in pane["levels"]]) == ("RSI 2", [10.0, 60.0])
    assert pane["lines"][0]["values"][0] is not None
    assert len(drawn["times"]) == drawn["bars"] == 251
    close = np.array(drawn["close"])
    own = indicators.rsi(close, 2)
    # Wilder's smoothing forgets: from half a year on the history before makes no difference
    np.testing.assert_allclose(pane["lines"][0]["values"][150:], own[150:], rtol=1e-4)


def test_prices_are_decoded_once_and_sent_again_only_for_another_question(client, finished):
    address = f"/api/runs/{finished(start_date='2018-01-02')}/candles?candles=100"

    assert asked_again(client, address, address.replace("candles=100", "candles=50")) == (200, 304, b"", 200)


@pytest.mark.parametrize(
    ("query", "field"), [("symbol=GOOG", "symbol"), ("candles=5", "candles"), ("from=-99999999999", "from")]
)
def test_a_wrong_question_is_named(client, finished, query, field):
    answer = client.get(f"/api/runs/{finished(start_date='2018-01-02')}/candles?{query}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)


def test_no_code_of_an_installed_package_is_executed_for_a_chart(client, finished, monkeypatch):
    run_id = finished(start_date="2018-01-02")
    monkeypatch.setattr(rules, "BUILT_IN", {})
    monkeypatch.setattr(rules, "build", lambda *_: pytest.fail("the rule was loaded"))

    drawn = client.get(f"/api/runs/{run_id}/candles?candles=77").json

    assert drawn["panes"] == []
    assert "comes from an installed package" in drawn["note"]
    assert len(drawn["close"]) == 63  # 251 bars, four a candle


def test_lines_beyond_the_most_are_counted(client, finished, monkeypatch):
    run_id = finished(**RSI, start_date="2018-01-02")
    monkeypatch.setattr(priced, "MOST_LINES", 1)

    drawn = client.get(f"/api/runs/{run_id}/candles?candles=78").json

    assert drawn["note"] == "2 more lines of the formula are not drawn; at most 1 are."


def test_a_run_without_a_result_has_no_candles(client, submit):
    run_id = submit()

    assert [client.get(f"/api/runs/{run_id}/{name}").status_code for name in ("candles", "markers", "trades/0")] == [
        404, 404, 404,
    ]  # fmt: skip
