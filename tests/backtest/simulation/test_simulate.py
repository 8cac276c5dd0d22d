"""What `simulate` refuses, and what holds of every simulation whatever prices, targets and settings."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.errors import InvalidRequest, InvalidTarget
from backtest.simulation.simulate import EXIT_REASONS, simulate
from tests.backtest.markets import bars, costless, flat, random_config, random_market, random_target, traded

SEEDS = st.integers(min_value=0, max_value=2**32 - 1)


def any_case(seed, **fixed):
    random = np.random.default_rng(seed)
    count, width = int(random.integers(2, 50)), int(random.choice([1, 1, 2, 3]))
    market, target = random_market(random, count, width), random_target(random, count, width)
    return market, target, random_config(random, **fixed)


def interpreted(market, target, config, start=0):
    return simulate(market, target, config, start=start, backend="interpreted")


@given(SEEDS)
@settings(deadline=None, max_examples=200)
def test_cash_and_positions_at_the_close_are_the_equity_at_every_bar(seed):
    market, target, config = any_case(seed)

    done = interpreted(market, target, config)

    held = done.cash + (done.position * market.close).sum(axis=1)
    np.testing.assert_allclose(done.equity, held, rtol=1e-12, atol=1e-9 * config.initial_capital)


@given(SEEDS)
@settings(deadline=None, max_examples=200)
def test_the_profits_of_all_trades_are_the_change_of_equity(seed):
    market, target, config = any_case(seed)

    done = interpreted(market, target, config)

    gross = np.abs(done.trades.size * done.trades.exit_fill).sum() + config.initial_capital
    change = done.equity[-1] - config.initial_capital
    assert done.trades.pnl.sum() == pytest.approx(change, abs=1e-11 * gross)


@given(SEEDS)
@settings(deadline=None, max_examples=300)
def test_no_purchase_exceeds_the_free_funds(seed):
    market, target, config = any_case(seed, borrow_rate=0.0)

    done = interpreted(market, target, config)

    prices = market.open if config.fill == "next_open" else market.close
    held, cash = np.zeros(prices.shape[1]), config.initial_capital
    signal_fills = fills_in_order(done)
    for bar, symbol, shares, fill, fee in signal_fills:
        grows = held[symbol] * shares >= 0.0
        held[symbol] += shares
        cash -= shares * fill + fee
        if grows:
            shorts = np.minimum(held, 0.0) @ prices[bar]
            slack = 1e-9 * config.initial_capital
            # a short sold below the raw price is owed at the raw one: slippage, once more
            slipped = abs(shares) * abs(fill - prices[bar, symbol]) * 2.0 if shares < 0 else 0.0
            assert cash + 2.0 * shorts >= -slack - slipped


def fills_in_order(done):
    """Bar, symbol, shares, fill price and fee of each purchase and sale, the fee worked out anew."""
    config, fills = done.config, done.fills
    size = np.abs(fills.shares)
    fees = np.maximum(config.fee_min, size * fills.fill * config.fee_rate + size * config.fee_per_share)
    columns = (fills.bar, fills.symbol, fills.shares, fills.fill, fees)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(SEEDS)
@settings(deadline=None, max_examples=200)
def test_every_raw_fill_lies_within_its_bar(seed):
    market, target, config = any_case(seed)

    fills = interpreted(market, target, config).fills

    low, high = market.low[fills.bar, fills.symbol], market.high[fills.bar, fills.symbol]
    assert ((low <= fills.price) & (fills.price <= high)).all()


@given(SEEDS)
@settings(deadline=None, max_examples=200)
def test_slippage_is_never_in_favour_of_the_order(seed):
    market, target, config = any_case(seed)

    fills = interpreted(market, target, config).fills

    assert ((fills.fill - fills.price) * fills.shares >= 0.0).all()


@given(SEEDS)
@settings(deadline=None, max_examples=200)
def test_costs_never_help_a_fixed_number_of_fractional_shares(seed):
    market, target, dear = any_case(
        seed, size_type="shares", size=1.0, fractional=True, initial_capital=1e6,
        stop_loss_pct=None, take_profit_pct=None, trailing_stop_pct=None,
    )  # fmt: skip
    free = dataclasses.replace(
        dear, fee_rate=0.0, fee_per_share=0.0, fee_min=0.0, slippage_bps=0.0, borrow_rate=0.0
    )

    with_costs, without = interpreted(market, target, dear), interpreted(market, target, free)

    assert (with_costs.equity <= without.equity + 1e-6).all()


@given(SEEDS)
@settings(deadline=None, max_examples=100)
def test_the_same_input_gives_the_same_bytes(seed):
    market, target, config = any_case(seed)

    first, second = interpreted(market, target, config), interpreted(market, target.copy(), config)

    assert first.result_hash == second.result_hash


@given(SEEDS, st.integers(min_value=1, max_value=48))
@settings(deadline=None, max_examples=300)
def test_cutting_the_future_never_changes_the_past(seed, kept):
    market, target, config = any_case(seed)
    kept = min(kept, len(market) - 1)

    whole = interpreted(market, target, config)
    part = interpreted(market.cut(0, kept), target[:kept], config)

    before = slice(0, kept - 1)  # the last bar closes what is open
    np.testing.assert_array_equal(part.equity[before], whole.equity[before])
    np.testing.assert_array_equal(part.position[before], whole.position[before])
    ended = [EXIT_REASONS[code] != "end_of_data" for code in part.trades.exit_reason]
    count = sum(ended)
    for column in ("symbol", "size", "entry_bar", "exit_bar", "exit_fill", "pnl", "mae_pct"):
        mine, theirs = getattr(part.trades, column), getattr(whole.trades, column)
        np.testing.assert_array_equal(mine[ended], theirs[:count])


@given(SEEDS)
@settings(deadline=None, max_examples=100)
def test_the_order_statistics_account_for_every_signal(seed):
    order_statistics = interpreted(*any_case(seed)).order_statistics

    assert order_statistics.signals == order_statistics.unchanged + order_statistics.orders
    assert order_statistics.orders == order_statistics.fills + sum(order_statistics.rejected.values())
    assert order_statistics.cut <= order_statistics.fills


def test_bars_before_the_start_are_not_traded():
    market = bars(*flat(10.0, 11.0, 12.0, 13.0, 14.0))

    done = simulate(market, np.ones(5), costless(initial_capital=1300.0), start=2)

    assert done.times[0] == market.times[2]
    assert done.equity.tolist() == [1300.0, 1300.0, 1400.0]
    assert done.trades.entry_bar.tolist() == [1]


def test_the_hash_tells_settings_apart_but_not_spellings():
    market = bars(*flat(10.0, 11.0, 12.0))

    one = traded(market, [1, 1, 1], fee_min=1)
    same = traded(market, [1, 1, 1], fee_min=1.0)
    other = traded(market, [1, 1, 1], fee_min=2.0)

    assert one.result_hash == same.result_hash != other.result_hash


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([1, 1], "target must have the shape (3, 1) of the bars, got (2,)"),
        ([0, 1.5, 0], "A 2024-01-02 (bar 1): target must be between -1 and 1, or NaN, got 1.5"),
        ([0, 0, -np.inf], "A 2024-01-03 (bar 2): target must be between -1 and 1, or NaN, got -inf"),
    ],
)
def test_a_wrong_target_is_refused_with_its_bar(target, message):
    with pytest.raises(InvalidTarget) as refused:
        traded(bars(*flat(10.0, 10.0, 10.0)), target)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("name", "value"),
    [("initial_capital", 0.0), ("initial_capital", np.nan), ("fee_rate", -0.1), ("size", 0.0),
     ("slippage_bps", 10_000.0), ("stop_loss_pct", 0.0), ("trailing_stop_pct", -1.0),
     ("direction", "up"), ("fill", "open"), ("size_type", "lots"), ("periods_per_year", np.inf)],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_name_and_value(name, value):
    with pytest.raises(InvalidRequest) as refused:
        traded(bars(*flat(10.0, 10.0)), [1, 1], **{name: value})

    assert [error.field for error in refused.value.errors] == [name]
    assert repr(value) in str(refused.value)


@pytest.mark.parametrize(("option", "value"), [("start", 3), ("start", -1), ("backend", "turbo")])
def test_a_wrong_option_is_refused(option, value):
    market = bars(*flat(10.0, 10.0, 10.0))

    with pytest.raises(InvalidRequest) as refused:
        simulate(market, np.ones(3), costless(), **{option: value})

    assert refused.value.errors[0].field == option
