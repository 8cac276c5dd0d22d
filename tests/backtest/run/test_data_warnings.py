"""A run says what was done to the prices that it reads, and what looks undone."""

from dataclasses import replace

import numpy as np
import pytest

from backtest.prices.dataset import Dataset
from backtest.prices.origin import Origin, Repair, Split
from backtest.prices.splits import apply_split
from backtest.run.outcome import run
from backtest.run.request import RunRequest
from tests.backtest.price_bars import dataset, walk


def warnings(prices, **fields):
    basic = {
        "symbols": [prices.symbol], "rule_type": "BUY_AND_HOLD", "start_date": "2024-01-02", "end_date": "2030-12-31",
    }  # fmt: skip
    outcome = run(RunRequest.parse(basic | fields), {prices.symbol: prices})
    return {one["code"]: one["message"] for one in outcome.summary["warnings"]}, outcome.summary


def repaired(prices, rule, *bars):
    times = prices.bars.times[list(bars)]
    return replace(prices, origin=Origin(None, (Repair(rule, times, ()),)))


def test_a_run_names_how_many_rows_that_it_reads_were_repaired_and_how():
    prices = repaired(dataset(walk(60)), "widened", 3, 40, 59)

    whole, summary = warnings(prices)
    late, _ = warnings(prices, start_date="2024-02-01")

    assert whole["repaired_prices"] == (
        "The run uses prices of AAA with rows that were corrected at the import: 3 highs and lows widened to hold open "
        "and close: repaired."
    )
    assert "2 highs and lows widened" in late["repaired_prices"]
    assert summary["certificate"][0]["repairs"][0]["count"] == 3


def test_rows_before_the_warm_up_or_behind_the_end_are_not_of_the_run():
    prices = repaired(dataset(walk(100)), "zeros", 5, 99)
    rule = {
        "rule_type": "MOMENTUM",
        "params": {"period": 10},
        "start_date": "2024-02-01",
        "end_date": "2024-03-01",
    }

    found, _ = warnings(prices, **rule)
    longer, _ = warnings(prices, **(rule | {"params": {"period": 20}}))

    assert "repaired_prices" not in found  # trading starts on bar 22
    assert "1 row of zeros, as exports write for a holiday: left out" in longer["repaired_prices"]


def split_prices(count=120, at=60, ratio=4):
    """A quiet market whose shares are split, in prices that nobody adjusted."""
    close = walk(count, step=0.005)
    close[at:] /= ratio
    opened = np.concatenate((close[:1], close[:-1]))
    opened[at] = close[at]
    volume = np.where(np.arange(count) < at, 1_000.0, 1_000.0 * ratio)
    return dataset(close, opened=opened, volume=volume)


def test_an_unadjusted_split_is_suspected_by_date_and_factor_in_every_run_that_holds_it():
    prices = split_prices()
    day = str(prices.bars.times[60])[:10]

    found, summary = warnings(prices)
    after, _ = warnings(prices, start_date=str(prices.bars.times[61])[:10])

    assert f"1 unadjusted split is suspected in the prices of AAA: {day} (-7" in found["suspected_split"]
    assert f"`split AAA {day} 4:1` on the command line" in found["suspected_split"]
    assert summary["certificate"][0]["suspected_splits"]["listed"][0]["looks_like"] == "4:1"
    assert "suspected_split" not in after


def test_applying_the_split_takes_the_jump_and_the_warning_away():
    prices = split_prices()
    day = str(prices.bars.times[60])[:10]

    applied = apply_split(prices, day, "4:1")
    found, summary = warnings(Dataset.decode(applied.encode()))

    assert applied.data_hash != prices.data_hash
    assert "suspected_split" not in found
    assert summary["conventions"]["adjusted"] == {"AAA": f"prices before {day} are divided for a 4:1 split"}
    np.testing.assert_array_equal(applied.bars.close[:60], prices.bars.close[:60] / 4)
    np.testing.assert_array_equal(applied.bars.volume, np.full((120, 1), 4_000.0))
    np.testing.assert_array_equal(applied.bars.close[60:], prices.bars.close[60:])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"size_type": "shares", "size": 10}, "size in shares counts"),
        ({"fee_per_share": 0.005, "fee_min": 1}, "fee_per_share and fee_min count"),
    ],
)
def test_settings_that_count_shares_are_warned_of_on_adjusted_prices(settings, named):
    adjusted = replace(dataset(walk(60)), origin=Origin("Adj Close"))
    split = replace(dataset(walk(60)), origin=Origin(None, (), (Split("2024-02-01", 2, 1),)))

    for prices in (adjusted, split):
        assert (
            f"{named} shares or orders of another size" in warnings(prices, **settings)[0]["adjusted_prices"]
        )
        assert "adjusted_prices" not in warnings(prices)[0]
    assert "adjusted_prices" not in warnings(dataset(walk(60)), **settings)[0]


def test_a_result_says_by_which_column_its_prices_are_scaled():
    _, summary = warnings(replace(dataset(walk(60)), origin=Origin("Adj Close")))

    sentence = "open, high, low and close are scaled by Adj Close"
    assert summary["conventions"]["adjusted"] == {"AAA": sentence}
    assert summary["certificate"][0]["adjusted"] == sentence
