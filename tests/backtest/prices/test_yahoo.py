"""Yahoo's daily rows become a dataset, or are refused."""

import numpy as np
import pytest

from backtest.errors import InvalidFile
from backtest.prices.yahoo import Quotes, to_dataset

DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], "datetime64[s]")
LATER = np.datetime64("2024-02-01", "s")
PLAIN = {
    "open": [10.0, 11.0, 5.5], "high": [10.5, 11.5, 6.0], "low": [9.5, 10.5, 5.25],
    "close": [10.25, 11.0, 5.75], "volume": [100.0, 200.0, 300.0], "adj_close": [5.125, 5.5, 5.75],
}  # fmt: skip


def quotes(**changes):
    return Quotes(DAYS, {name: np.array(column, float) for name, column in (PLAIN | changes).items()})


def test_prices_are_adjusted_by_the_adjusted_close_and_volume_is_not():
    bars = to_dataset(quotes(), symbol="ACME", before=LATER).bars

    np.testing.assert_allclose(bars.open[:, 0], [5.0, 5.5, 5.5])
    np.testing.assert_allclose(bars.close[:, 0], [5.125, 5.5, 5.75])
    np.testing.assert_allclose(bars.volume[:, 0], [100, 200, 300])


def test_a_day_without_a_price_and_a_day_that_is_not_over_are_left_out():
    holed = quotes(close=[10.25, np.nan, 5.75])

    bars = to_dataset(holed, symbol="ACME", before=DAYS[2]).bars

    assert bars.times.astype("datetime64[D]").astype(str).tolist() == ["2024-01-02"]


def test_a_high_below_the_close_by_rounding_alone_is_moved_onto_it():
    rounded = quotes(
        high=[10.25 - 1e-6, 11.5, 6.0], low=[9.5, 11.0 + 1e-6, 5.25], adj_close=[10.25, 11.0, 5.75]
    )

    bars = to_dataset(rounded, symbol="ACME", before=LATER).bars

    assert (bars.high[0, 0], bars.low[1, 0]) == (10.25, 11.0)


def test_what_was_done_to_the_rows_is_kept_with_the_dataset():
    holed = quotes(open=[10.0, np.nan, 5.5], high=[10.2, 11.5, 6.0])

    origin = to_dataset(holed, symbol="ACME", before=LATER).origin

    assert origin.scales == ["open, high, low and close are scaled by Adj Close"]
    assert [(repair.rule, repair.count) for repair in origin.repairs] == [("incomplete", 1), ("widened", 1)]


def test_a_high_that_is_plainly_too_low_is_refused_with_its_day():
    with pytest.raises(InvalidFile, match="is below open or close by more than 20%") as refused:
        to_dataset(quotes(high=[7.0, 11.5, 6.0], low=[6.5, 10.5, 5.25]), symbol="ACME", before=LATER)

    assert (refused.value.date, refused.value.field) == ("2024-01-02", "high")


def test_nothing_left_is_refused():
    with pytest.raises(InvalidFile, match="not a single row"):
        to_dataset(quotes(), symbol="ACME", before=DAYS[0])
