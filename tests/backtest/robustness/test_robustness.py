"""What of a run's result survives: costs, fills, starts, chance."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from backtest.metrics.account import Undefined
from backtest.robustness import chance, costs, robustness, variations
from backtest.robustness.basis import Basis
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from backtest.studies.statistics.deflated import Tried
from tests.backtest.price_bars import dataset
from tests.backtest.studies.study_requests import RANGE, walks


def request_of(**fields):
    params = {"fast": 3, "slow": 10}
    basis = {"symbols": ["AAA"], "rule_type": "MOVING_AVERAGE_CROSS", "params": params, "fractional": True}
    return RunRequest.parse(basis | RANGE | fields)


def rising(count=200, step=0.002):
    """Prices that rise and now and then pause, so that a rule trades."""
    moves = np.where(np.arange(count) % 20 < 14, 3 * step, -4 * step)
    return {"AAA": dataset(100 * np.exp(np.cumsum(moves)))}


def test_every_part_is_there_and_equal_input_gives_equal_answers():
    request, prices = request_of(), walks(bars=300)

    one, other = robustness(request, prices, seed=4), robustness(request, prices, seed=4)

    assert json.dumps(one, allow_nan=False) == json.dumps(other)
    metrics = run(request, prices).summary["metrics"]
    assert one["figures"] == {name: metrics[name] for name in one["figures"]}
    assert (
        one["costs"][1]["figures"]
        == one["fills"][0]["figures"]
        == one["starts"][0]["figures"]
        == one["figures"]
    )
    assert one["reasons"] == {}


def test_costs_are_multiplied_all_together():
    request, prices = request_of(fee_rate=0.001, slippage_bps=10, fee_min=1), walks(bars=300)

    found = {part["multiple"]: part["figures"] for part in costs.multiples(Basis.of(request, prices))}

    thrice = run(request_of(fee_rate=0.003, slippage_bps=30, fee_min=3), prices).summary["metrics"]
    assert found[3]["final_equity"] == thrice["final_equity"]
    assert found[0]["final_equity"] > found[1]["final_equity"] > found[5]["final_equity"]


def test_a_multiple_out_of_bounds_is_left_out():
    found = costs.multiples(Basis.of(request_of(fee_rate=0.2), walks()))

    assert [part["multiple"] for part in found if part["figures"] is None] == [3, 5]


def test_at_the_break_even_cost_nothing_is_left_of_the_gain():
    request, prices = request_of(), rising()

    found = costs.break_even(Basis.of(request, prices))

    bps = found["return"]["bps"]
    rate = {"slippage_bps": 0, "fee_rate": bps / 10_000}
    just, more = (
        run(request_of(**rate | {"fee_rate": (bps + extra) / 10_000}), prices) for extra in (0.0, 0.01)
    )
    assert just.summary["metrics"]["total_return"] > 0 >= more.summary["metrics"]["total_return"]
    assert found["benchmark"]["bps"] is None or found["benchmark"]["bps"] < bps


def test_an_edge_that_is_not_there_has_no_break_even():
    falling = {"AAA": dataset(100 * np.exp(-0.01 * np.arange(200) + 0.03 * np.sin(np.arange(200))))}
    held = request_of(rule_type="BUY_AND_HOLD", params={})

    found = costs.break_even(Basis.of(held, falling))

    assert found["return"] == {"bps": None, "reason": "undefined: nothing is left even without costs"}


def test_the_worst_fill_buys_at_the_high_and_sells_at_the_low():
    prices = walks(bars=120)
    basis = Basis.of(request_of(slippage_bps=0), prices)

    done = basis.simulated(bars=variations.worst(basis))

    bars, fills = basis.aligned.bars, done.fills
    signalled = fills.bar < len(bars) - 1  # what is open at the end is closed at the last close
    expected = np.where(fills.shares > 0, bars.high[fills.bar, 0], bars.low[fills.bar, 0])
    assert signalled.sum() > 5
    np.testing.assert_array_equal(fills.price[signalled], expected[signalled])


def test_a_later_start_is_the_run_of_the_later_days():
    request, prices = request_of(), walks(bars=200)

    found = variations.starts(Basis.of(request, prices))

    assert len(found) == 20
    later = replace(request, start_date=np.datetime64(found[7]["first_bar"]).item())
    metrics = run(later, prices).summary["metrics"]
    assert found[7]["figures"] == pytest.approx(
        {name: metrics[name] for name in found[7]["figures"]}, rel=1e-12
    )


def test_another_order_of_trades_moves_the_path_and_not_the_end():
    basis = Basis.of(request_of(), walks(bars=400))
    account = basis.account(basis.simulated())

    found = chance.order_of_trades(account, seed=1)

    assert found["max_drawdown"]["p5"] < found["max_drawdown"]["p50"] < found["max_drawdown"]["p95"] <= 0
    assert found["max_drawdown"]["p5"] <= found["actual"] <= 0
    assert 0 <= found["share_shallower"] <= 1


@pytest.mark.parametrize("pnl", [[700.0, 300.0, -500.0, 900.0, 110.0, 70.0], [10.0, 20.0, 30.0, 40.0]])
def test_where_every_order_falls_as_deep_none_falls_less_deep(pnl):
    trades = SimpleNamespace(pnl=np.array(pnl))

    found = chance.order_of_trades(SimpleNamespace(trades=trades, equity=np.array([10_000.0])), seed=1)

    assert found["max_drawdown"]["p5"] == pytest.approx(found["actual"], abs=1e-12)
    assert found["share_shallower"] == 0


def test_random_entries_hold_as_often_as_long_and_on_the_same_sides():
    basis = Basis.of(request_of(direction="long_short", stop_loss_pct=8), walks("AAA", bars=400))
    done = basis.simulated()
    lengths, sides = chance._positions(done, 0)

    target = chance._random_target(basis, done, np.random.default_rng(2))

    for side in (-1, 1):
        assert (target == side).sum() == lengths[sides == side].sum()


def test_a_rule_that_knows_the_future_stands_above_all_random_entries():
    prices = walks(bars=300)
    close = prices["AAA"].bars.close[:, 0]
    basis = Basis.of(request_of(slippage_bps=0, fee_rate=0), prices)
    knowing = np.append(close[1:] > close[:-1], False).astype(float).reshape(-1, 1)
    basis = replace(
        basis, target=np.vstack((knowing[1:], knowing[:1])), config=replace(basis.config, fill="close")
    )
    basis = replace(basis, target=knowing)

    found = chance.luck(basis, basis.simulated(), seed=1, paths=200)

    assert found["share_below"] == 1.0


def test_luck_needs_trades():
    basis = Basis.of(request_of(params={"fast": 300, "slow": 399}), walks(bars=400))

    with pytest.raises(Undefined):
        chance.luck(basis, basis.simulated(), seed=1)


def test_more_trials_deflate_the_result_and_the_verdict_says_what_is_left():
    request, prices = request_of(), rising(400)

    alone, many = (robustness(request, prices, tried=Tried(count, 0.0, 0.01)) for count in (1, 10_000))

    assert many["deflated"]["probability"] < alone["deflated"]["probability"]
    assert alone["verdict"].startswith("The gain survives ")
    assert {"name": "twice the costs", "passed": True} in alone["checks"]
    assert {"name": "the number of trials", "passed": False} in many["checks"]
    assert "the number of trials" in many["verdict"].split("does not survive")[1]
