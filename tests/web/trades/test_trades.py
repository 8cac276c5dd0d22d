"""Trades in view, one trade with what was known then, and what each symbol brought."""

import numpy as np
import pytest

from backtest import indicators
from tests.web.conftest import PAGE

RSI = {"rule_type": "RSI", "params": {"period": 2, "oversold": 10, "overbought": 60}}
STOPPED = RSI | {"stop_loss_pct": 2, "take_profit_pct": 3, "trailing_stop_pct": 2.5, "slippage_bps": 5}
TWO = {"symbols": ["SP500", "NASDAQ"], "start_date": "2015-01-02"}


def trades_of(client, run_id):
    return client.get(f"/runs/{run_id}/result.json").json["trades"]


def seconds(text):
    return int(np.datetime64(text[:19], "s").astype(np.int64))


def test_few_trades_are_each_marked_and_many_are_counted(client, finished):
    run_id = finished(**RSI)
    trades = trades_of(client, run_id)

    each = client.get(f"/api/runs/{run_id}/markers").json
    counted = client.get(f"/api/runs/{run_id}/markers?most=10").json

    assert (each["total"], len(each["trades"]), each["density"]) == (len(trades), len(trades), None)
    assert (counted["total"], counted["trades"]) == (len(trades), [])
    density = counted["density"]
    assert sum(density["won"]) == sum(trade["pnl"] > 0 for trade in trades)
    assert sum(density["won"]) + sum(density["lost"]) == len(trades)
    assert len(density["times"]) == len(density["won"]) + 1


def test_a_window_has_the_trades_that_were_open_in_it(client, finished):
    run_id = finished(**RSI)
    trade = trades_of(client, run_id)[5]
    middle = (seconds(trade["entry_time"]) + seconds(trade["exit_time"])) // 2

    found = client.get(f"/api/runs/{run_id}/markers?from={middle}&to={middle}").json

    assert [one["seq"] for one in found["trades"]] == [5]


def test_a_trade_tells_the_signal_the_lines_then_the_costs_and_why_it_ended(
    client, finished, filled_database
):
    run_id = finished(**RSI, slippage_bps=5)
    trade = next(one for one in trades_of(client, run_id) if one["exit_reason"] == "signal")
    curves = client.get(f"/api/runs/{run_id}/curves?names=price&points=20000").json
    bar = curves["times"].index(seconds(trade["entry_time"]))

    told = client.get(f"/api/runs/{run_id}/trades/{trade['seq']}").json

    assert told["entry"]["time"] is not None
    strength, oversold, overbought = told["entry"]["lines"]
    assert (oversold["value"], overbought["value"], oversold["level"]) == (10.0, 60.0, True)
    known = indicators.rsi(np.array(curves["price"]), 2)[bar - 1]
    wanted_long = trade["side"] == "long"
    assert (strength["value"] < 10) == wanted_long
    if bar > 300:
        assert strength["value"] == pytest.approx(known, abs=0.01)
    assert told["why"] == "The rule's target changed; the order was filled at the next open."
    costs = told["costs"]
    assert costs["gross"] - sum(costs[name] for name in ("entry_fee", "exit_fee", "slippage", "borrow")) == (
        pytest.approx(costs["net"])
    )
    assert costs["net"] == trade["pnl"]


def test_stops_and_targets_stand_where_the_engine_filled_them(client, finished):
    run_id = finished(**STOPPED)
    seen = set()

    for trade in trades_of(client, run_id):
        told = client.get(f"/api/runs/{run_id}/trades/{trade['seq']}").json
        level = {one["name"]: one["price"] for one in told["levels"]}.get(trade["exit_reason"])
        if level is None:
            continue
        if told["why"].endswith("filled at the level."):
            assert trade["exit_price"] == pytest.approx(level, rel=1e-12), trade
            seen.add(trade["exit_reason"])
        else:
            assert told["why"].endswith("filled at the open.")

    assert {"take_profit", "trailing_stop"} <= seen


def test_a_stop_counts_from_the_fill(client, finished):
    run_id = finished(**RSI, stop_loss_pct=2, slippage_bps=5)
    trade = next(one for one in trades_of(client, run_id) if one["exit_reason"] == "stop_loss")

    told = client.get(f"/api/runs/{run_id}/trades/{trade['seq']}").json

    side = 1 if trade["side"] == "long" else -1
    assert told["levels"] == [
        {"name": "stop_loss", "percent": 2.0, "price": pytest.approx(trade["entry_fill"] * (1 - side * 0.02))}
    ]
    assert told["exit"] is None


def test_a_trade_that_there_is_not_is_not_found_and_says_how_many_there_are(client, finished):
    run_id = finished(start_date="2018-01-02")
    count = len(trades_of(client, run_id))

    for seq in (count, 2**31 - 1):  # larger ones are no address
        answer = client.get(f"/api/runs/{run_id}/trades/{seq}")

        assert answer.status_code == 404
        assert f"it has {count}" in answer.json["detail"]


def test_the_page_of_a_trade_needs_no_script_and_a_part_has_no_frame(client, finished):
    run_id = finished(**STOPPED)

    page = client.get(f"/runs/{run_id}/trades/0", headers=PAGE).text
    part = client.get(f"/runs/{run_id}/trades/0?part=true", headers=PAGE).text

    assert "<html" in page
    assert "Why it ended" in page
    assert "Trade 1" in page
    assert "<html" not in part
    assert "Why it ended" in part
    assert f'/runs/{run_id}/trades/1"' in part


def test_the_contributions_of_all_symbols_add_up_to_the_total_return(client, finished, app):
    from web.results.stored_curves import finished_run
    from web.trades.by_symbol import by_symbol

    run_id = finished(**TWO)
    with app.app_context():
        run, curves = finished_run(run_id)
        found = by_symbol(run, curves)

    assert [row["symbol"] for row in found["rows"]] == ["SP500", "NASDAQ"]
    total = client.get(f"/api/runs/{run_id}").json["metrics"]["total_return"]
    assert sum(row["contribution"] for row in found["rows"]) == pytest.approx(total)
    one, other = found["correlation"][0]
    assert one == pytest.approx(1)
    assert 0.9 < other < 1
    assert len(found["shapes"]["paths"]) == 2


def test_the_weights_of_all_symbols_are_the_exposure_of_the_account(client, finished, app):
    from web.results.stored_curves import finished_run
    from web.trades.by_symbol import shares
    from web.trades.marks import columns_of

    run_id = finished(**RSI, **TWO)
    with app.app_context():
        run, curves = finished_run(run_id)
        trades = columns_of(run)
        held = {symbol: shares(trades, symbol, curves.times) for symbol in run.symbols}
        equity, exposure = curves.by_name["equity"], curves.by_name["exposure"]

    gross = np.zeros(len(curves.times))
    for symbol in run.symbols:
        close = client.get(f"/api/runs/{run_id}/curves?names=price&symbol={symbol}&points=20000").json[
            "price"
        ]
        gross += np.abs(held[symbol]) * np.array(close)
    np.testing.assert_allclose((gross / equity)[:-1], exposure[:-1], atol=1e-8)


def test_a_run_without_trades_has_symbols_without_profit(client, finished):
    run_id = finished(rule_type="EXPRESSION", params={"entry": "close < 0"}, **TWO)

    page = client.get(f"/runs/{run_id}/symbols", headers=PAGE)

    assert page.status_code == 200
    assert "Correlation of returns" in page.text
    assert client.get(f"/api/runs/{run_id}/markers?most=10").json == {
        "trades": [],
        "total": 0,
        "density": None,
    }
