import pytest

from tests.backtest.markets import costless
from tests.backtest.oracles import engine, prices, targets, vectorbt
from tests.backtest.oracles.ledger import differences

pytestmark = pytest.mark.xdist_group("vectorbt")  # compiled once, in one process

GOOG = prices.bars("GOOG")
SP500 = prices.bars("SP500")
THREE = prices.bars("GOOG", "NASDAQ", "SP500")


@pytest.mark.parametrize("fractional", [False, True], ids=["whole", "fractional"])
@pytest.mark.parametrize("fill", ["next_open", "close"])
@pytest.mark.parametrize("below", [0, -1], ids=["long", "reversing"])
def test_the_same_trades_and_the_same_equity_at_every_close_with_fee_and_slippage(below, fill, fractional):
    wanted = targets.crossings(SP500, 10, 30, below=below)
    costs = {"fee_rate": 0.001, "slippage_bps": 4.0}
    config = costless(fill=fill, fractional=fractional, direction="long_short", **costs)

    ours, theirs = engine.run(SP500, wanted, config), vectorbt.from_signals(SP500, wanted, config)

    assert len(ours.trades) == (176 if below else 88)
    assert differences(ours, theirs) == []


@pytest.mark.parametrize(
    "exits",
    [
        {"stop_loss_pct": 3.0},
        {"take_profit_pct": 5.0},
        {"stop_loss_pct": 2.0, "take_profit_pct": 3.0},
        {"trailing_stop_pct": 4.0},
        {"trailing_stop_pct": 3.0, "take_profit_pct": 5.0},
    ],
    ids=lambda exits: " ".join(exits),
)
def test_the_same_exits_at_stops_and_targets_slippage_included(exits):
    wanted = targets.crossings(GOOG, 10, 20, below=0)
    config = costless(fill="close", fee_rate=0.001, slippage_bps=5, **exits)

    ours, theirs = engine.run(GOOG, wanted, config), vectorbt.from_signals(GOOG, wanted, config)

    assert len(ours.trades) == 47
    assert differences(ours, theirs) == []


def test_the_same_partial_exits_and_reversals_at_the_average_entry_price():
    wanted = targets.random_steps(GOOG, (-1.0, -0.5, 0.0, 0.5, 1.0), every=6, seed=11)
    config = costless(size_type="shares", size=40, fee_rate=0.001, slippage_bps=3, direction="long_short")

    ours, theirs = engine.run(GOOG, wanted, config), vectorbt.from_orders(GOOG, wanted, config)

    assert len(ours.trades) > 150
    assert differences(ours, theirs) == []


def test_the_same_trades_of_three_symbols_that_share_one_account():
    wanted = targets.crossings(THREE, 10, 20, below=-1)
    share = costless(initial_capital=1_000_000, size=60, fractional=True, direction="long_short")
    fixed = costless(
        initial_capital=1_000_000, size_type="shares", size=100, fee_rate=0.001, direction="long_short"
    )

    for config in (share, fixed):
        ours, theirs = engine.run(THREE, wanted, config), vectorbt.from_orders(THREE, wanted, config)

        assert len(ours.trades) == 295
        assert differences(ours, theirs) == []
