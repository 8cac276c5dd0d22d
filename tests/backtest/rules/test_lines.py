"""What each rule shows on a chart: the series that it compares."""

import numpy as np
import pytest

from backtest import indicators, rules
from backtest.prices.bars import Bars
from backtest.rules.rule import Prices

REQUIRED = {
    "EXPRESSION": {"entry": "close > sma(close, 5) and rsi(close, 2) < 10", "exit": "rsi(close, 2) > 70"}
}
"""Parameters of the rules that have no defaults for them."""


@pytest.fixture
def prices():
    """Three hundred days of one symbol."""
    generator = np.random.default_rng(7)
    close = 100 * np.cumprod(1 + generator.normal(0, 0.02, 300)).reshape(-1, 1)
    times = np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]")[:300].astype("datetime64[s]")
    volume = generator.uniform(1e5, 3e5, (300, 1))
    return Prices(Bars(("X",), times, close, close * 1.02, close * 0.98, close, volume), 0)


def drawn(name, prices, **params):
    return rules.build(name, REQUIRED.get(name, {}) | params).lines(prices)


@pytest.mark.parametrize("name", rules.BUILT_IN)
def test_each_rule_gives_named_series_of_all_bars_or_levels(name, prices):
    lines = drawn(name, prices)

    assert bool(lines) == (name != "BUY_AND_HOLD")
    assert all(isinstance(line.values, float) or line.values.shape == (300,) for line in lines)
    assert len({(line.label, line.pane) for line in lines}) == len(lines)


@pytest.mark.parametrize("name", rules.BUILT_IN)
def test_a_line_uses_no_bar_that_is_still_to_come(name, prices):
    shorter = Prices(prices._bars.cut(0, 200), 0)

    for whole, cut in zip(drawn(name, prices), drawn(name, shorter), strict=True):
        if isinstance(whole.values, float):
            assert whole.values == cut.values
        else:
            np.testing.assert_array_equal(whole.values[:200], cut.values)


def test_averages_lie_on_the_price_and_oscillators_in_a_pane_with_their_levels(prices):
    fast, slow = drawn("MOVING_AVERAGE_CROSS", prices, fast=3, slow=8)
    strength, oversold, overbought = drawn("RSI", prices, period=2, oversold=10, overbought=60)

    assert [(line.label, line.pane) for line in (fast, slow)] == [("SMA 3", "price"), ("SMA 8", "price")]
    np.testing.assert_array_equal(slow.values, indicators.sma(prices.close, 8))
    assert {line.pane for line in (strength, oversold, overbought)} == {"RSI 2"}
    assert (oversold.values, overbought.values) == (10.0, 60.0)
    np.testing.assert_array_equal(strength.values, indicators.rsi(prices.close, 2))


def test_the_position_of_a_breakout_follows_from_its_lines(prices):
    rule = rules.build("DONCHIAN_BREAKOUT", {"period": 20, "exit_period": 10})
    top, _, _, exit_bottom = (line.values for line in rule.lines(prices))

    wanted = np.nan_to_num(rule.exposure(prices))

    first_long = int(np.flatnonzero(wanted > 0)[0])
    assert prices.close[first_long] > top[first_long]
    held = np.flatnonzero((wanted[:-1] > 0) & (wanted[1:] > 0)) + 1
    assert (prices.close[held] >= exit_bottom[held]).all()


def test_channels_of_the_same_length_are_drawn_once(prices):
    assert len(drawn("DONCHIAN_BREAKOUT", prices, period=20, exit_period=20)) == 2


def test_a_formula_shows_what_it_compares_and_not_the_price_alone(prices):
    lines = drawn("EXPRESSION", prices)

    assert [(line.label, line.pane) for line in lines] == [
        ("sma(close, 5)", "price"),
        ("rsi(close, 2)", "rsi(close, 2)"),
        ("10", "rsi(close, 2)"),
        ("70", "rsi(close, 2)"),
    ]
    np.testing.assert_array_equal(lines[0].values, indicators.sma(prices.close, 5))
    assert (lines[2].values, lines[3].values) == (10.0, 70.0)


@pytest.mark.parametrize(
    ("formula", "sides"),
    [
        ("close > 100", [("100", "price")]),
        ("close > ema(close, 20) * 1.02", [("ema(close, 20) * 1.02", "price")]),
        ("close > open", []),
        ("true", []),
        ("crosses_above(macd(close), macd_signal(close))",
         [("macd(close)", "macd(close)"), ("macd_signal(close)", "macd(close)")]),
        ("close / sma(close, 50) > 1.1", [("close / sma(close, 50)", "close / sma(close, 50)"),
                                          ("1.1", "close / sma(close, 50)")]),
        ("not within(close < bbands_lower(close), 3)", [("bbands_lower(close)", "price")]),
        ("volume > 2 * sma(volume, 20)", [("volume", "volume"), ("2 * sma(volume, 20)", "volume")]),
        ("close - open > atr(5)", [("close - open", "close - open"), ("atr(5)", "close - open")]),
        ("close < highest(high, 20) - 3 * atr(14)", [("highest(high, 20) - 3 * atr(14)", "price")]),
    ],
)  # fmt: skip
def test_sides_of_a_comparison_share_a_pane_and_those_of_a_price_lie_on_it(formula, sides, prices):
    assert [(line.label, line.pane) for line in drawn("EXPRESSION", prices, entry=formula, exit="")] == sides
