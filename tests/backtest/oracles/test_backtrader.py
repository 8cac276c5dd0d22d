import numpy as np
import pytest

from tests.backtest.markets import costless
from tests.backtest.oracles import backtrader, engine, prices, targets
from tests.backtest.oracles.ledger import differences

GOOG = prices.bars("GOOG")
THREE = prices.bars("GOOG", "NASDAQ", "SP500", count=1_200)

COSTS = {
    "free": {},
    "rate and slippage": {"fee_rate": 0.001, "slippage_bps": 7.0},
    "per share with a minimum": {"fee_per_share": 0.01, "fee_min": 3.0, "slippage_bps": 2.0},
    "minimum that rules": {"fee_rate": 0.0001, "fee_min": 25.0},
}


def agreed(bars, wanted, config, *, at_least):
    """The trades of both, once they are found to agree and to be enough to mean something."""
    ours, theirs = engine.run(bars, wanted, config), backtrader.run(bars, wanted, config)
    assert differences(ours, theirs) == []
    assert len(ours.trades) >= at_least
    return ours.trades


@pytest.mark.parametrize("fractional", [False, True], ids=["whole", "fractional"])
@pytest.mark.parametrize("costs", COSTS.values(), ids=COSTS)
def test_the_same_trades_when_reversing_with_every_kind_of_cost(costs, fractional):
    wanted = targets.crossings(GOOG, 10, 20, below=-1)
    config = costless(direction="long_short", fractional=fractional, **costs)

    trades = agreed(GOOG, wanted, config, at_least=94)

    assert {trade.side for trade in trades} == {1, -1}


@pytest.mark.parametrize("below", [0, -1], ids=["long", "reversing"])
def test_the_same_trades_with_stops_that_slip(below):
    wanted = targets.crossings(GOOG, 10, 20, below=below)
    config = costless(direction="long_short", slippage_bps=5, fee_rate=0.001, stop_loss_pct=4)

    agreed(GOOG, wanted, config, at_least=47)


@pytest.mark.parametrize("below", [0, -1], ids=["long", "reversing"])
def test_the_same_trades_with_stop_profit_and_trail_at_once(below):
    wanted = targets.crossings(GOOG, 10, 20, below=below)
    exits = {"stop_loss_pct": 3.0, "take_profit_pct": 7.0, "trailing_stop_pct": 4.0}
    config = costless(direction="long_short", fee_rate=0.001, **exits)

    agreed(GOOG, wanted, config, at_least=47)


@pytest.mark.parametrize("costs", COSTS.values(), ids=COSTS)
def test_the_same_trades_of_three_symbols_that_share_one_account(costs):
    wanted = targets.crossings(THREE, 8, 21, below=-1)
    config = costless(initial_capital=1_000_000, direction="long_short", **costs)

    trades = agreed(THREE, wanted, config, at_least=120)

    assert {trade.symbol for trade in trades} == {0, 1, 2}


def test_the_same_trades_when_the_symbols_compete_for_scarce_cash():
    wanted = targets.random_steps(THREE, (0.0, 1.0), every=5, seed=3)
    config = costless(initial_capital=50_000, fee_rate=0.002, size_type="value", size=24_000)

    agreed(THREE, wanted, config, at_least=150)


def test_the_same_trades_of_three_symbols_each_with_its_own_stop_and_target():
    wanted = targets.random_steps(THREE, (0.0, 1.0, -1.0), every=8, seed=5)
    exits = {"stop_loss_pct": 2.5, "take_profit_pct": 4.0}
    config = costless(initial_capital=2_000_000, fee_rate=0.0005, direction="long_short", **exits)

    agreed(THREE, wanted, config, at_least=150)


def test_the_same_final_equity_when_shorts_pay_for_what_they_borrow():
    wanted = targets.crossings(GOOG, 10, 20, below=-1)
    lent = costless(size_type="shares", size=50, direction="long_short", borrow_rate=0.08)
    free = costless(size_type="shares", size=50, direction="long_short")

    ours, theirs = engine.run(GOOG, wanted, lent), backtrader.run(GOOG, wanted, lent)

    paid = engine.run(GOOG, wanted, free).final_equity - ours.final_equity
    assert ours.final_equity == pytest.approx(theirs.final_equity, abs=0.005)
    assert paid == pytest.approx(short_market_value(ours, GOOG).sum() * 0.08 / 252)


def short_market_value(ledger, bars):
    value = np.zeros(len(bars))
    for trade in ledger.trades:
        if trade.side < 0:
            value[trade.entry_bar : trade.exit_bar] += (
                trade.size * bars.close[trade.entry_bar : trade.exit_bar, 0]
            )
    return value
