import numpy as np
import pandas as pd
import pytest
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

from backtest import rules
from tests.backtest.markets import costless
from tests.backtest.oracles import backtesting_py, engine, prices, targets
from tests.backtest.oracles.ledger import differences

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own, about pandas

GOOG = prices.bars("GOOG")
SP500 = prices.bars("SP500", count=2_500)

EXITS = {
    "none": {},
    "stop": {"stop_loss_pct": 4.0},
    "profit": {"take_profit_pct": 6.0},
    "stop and profit": {"stop_loss_pct": 2.0, "take_profit_pct": 3.0},
    "trail": {"trailing_stop_pct": 5.0},
    "all three": {"stop_loss_pct": 3.0, "take_profit_pct": 8.0, "trailing_stop_pct": 4.0},
}


class SmaCross(Strategy):
    """The strategy of backtesting.py's documentation, in its own words."""

    def init(self):
        def average(values, period):
            return pd.Series(values).rolling(period).mean()

        self.fast = self.I(average, self.data.Close, 10)
        self.slow = self.I(average, self.data.Close, 20)

    def next(self):
        if crossover(self.fast, self.slow):
            self.buy()
        elif crossover(self.slow, self.fast):
            self.sell()


def documentation_example(**options):
    account = {"cash": 10_000, "commission": 0.002, "exclusive_orders": True}
    return Backtest(prices.frame(GOOG), SmaCross, **account, **options).run()


def our_cross():
    return rules.build("MOVING_AVERAGE_CROSS", {"fast": 10, "slow": 20}).target(GOOG)


DOCUMENTED = costless(initial_capital=10_000, fee_rate=0.002, direction="long_short")


def test_the_documentation_example_gives_the_documented_trades_and_final_equity():
    theirs = backtesting_py.ledger(documentation_example(finalize_trades=True))

    ours = engine.run(GOOG, targets.ending_flat(our_cross()), DOCUMENTED)

    assert (len(ours.trades), round(ours.final_equity, 5)) == (94, 55_574.51294)
    assert differences(ours, theirs) == []


@pytest.mark.filterwarnings("ignore:Some trades remain open:UserWarning")
def test_what_is_open_at_the_end_is_sold_at_the_last_close_which_costs_its_fee():
    theirs = backtesting_py.ledger(documentation_example())

    ours = engine.run(GOOG, our_cross(), DOCUMENTED)

    last = ours.trades[-1]
    fee = last.size * last.exit_price * 0.002
    assert round(theirs.final_equity, 5) == 56_263.51934
    assert last.exit_price == GOOG.close[-1, 0]
    assert ours.final_equity == pytest.approx(theirs.final_equity - fee, abs=1e-6)
    np.testing.assert_allclose(ours.equity[:-1], theirs.equity[:-1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("below", [0, -1], ids=["long", "reversing"])
@pytest.mark.parametrize("exits", EXITS.values(), ids=EXITS)
def test_the_same_trades_at_the_next_open_with_stops_that_watch_the_bar_of_the_entry(exits, below):
    wanted = targets.crossings(GOOG, 10, 20, below=below)
    config = costless(fee_rate=0.001, direction="long_short", **exits)

    ours, theirs = engine.run(GOOG, wanted, config), backtesting_py.run(GOOG, wanted, config)

    assert len(ours.trades) == (94 if below else 47)
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("below", [0, -1], ids=["long", "reversing"])
@pytest.mark.parametrize("exits", EXITS.values(), ids=EXITS)
def test_the_same_trades_at_the_close_with_stops_that_watch_from_the_next_bar_on(exits, below):
    wanted = targets.crossings(SP500, 5, 17, below=below)
    config = costless(fee_rate=0.0005, direction="long_short", fill="close", **exits)

    ours, theirs = engine.run(SP500, wanted, config), backtesting_py.run(SP500, wanted, config)

    assert len(ours.trades) > 80
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_the_same_trades_when_a_target_is_stated_anew_after_a_stop(fill):
    wanted = targets.dips(SP500, drop=0.012, rest=9)
    config = costless(fee_rate=0.0002, stop_loss_pct=1.5, take_profit_pct=2.0, fill=fill)

    ours, theirs = engine.run(SP500, wanted, config), backtesting_py.run(SP500, wanted, config)

    assert len(ours.trades) > 100
    assert differences(ours, theirs) == []


def test_the_same_trades_in_fractions_of_a_share_to_the_smallest_unit_of_the_other_engine():
    wanted = targets.crossings(GOOG, 10, 20, below=-1)
    config = costless(initial_capital=1_000, fee_rate=0.001, direction="long_short", fractional=True)

    ours, theirs = engine.run(GOOG, wanted, config), backtesting_py.run(GOOG, wanted, config)

    assert differences(ours, theirs, size_tolerance=1e-5) == []


def test_the_same_trades_with_half_of_the_account_and_with_a_fee_for_each_share():
    wanted = targets.crossings(GOOG, 10, 20, below=-1)
    half = costless(fee_rate=0.001, fee_per_share=0.02, size=50, direction="long_short")
    fixed = costless(fee_per_share=0.05, size_type="shares", size=70, direction="long_short")

    for config in (half, fixed):
        ours, theirs = engine.run(GOOG, wanted, config), backtesting_py.run(GOOG, wanted, config)

        assert len(ours.trades) == 94
        assert differences(ours, theirs) == []


def test_an_order_given_at_the_last_close_is_rejected_where_the_peer_fills_it_in_the_past():
    class BuyAtTheLastClose(Strategy):
        def init(self):
            pass

        def next(self):
            if len(self.data) == len(GOOG):
                self.buy(size=10)

    wanted = np.full((len(GOOG), 1), np.nan)
    wanted[-1] = 1.0
    test = Backtest(prices.frame(GOOG), BuyAtTheLastClose, cash=10_000, finalize_trades=True)

    theirs, ours = test.run(), engine.run(GOOG, wanted, costless(initial_capital=10_000))

    gain = 10 * (GOOG.close[-1, 0] - GOOG.open[-1, 0])
    assert (ours.trades, ours.final_equity) == ((), 10_000.0)
    assert theirs["Equity Final [$]"] == pytest.approx(10_000 + gain)
