"""Applying a split: what it changes, and what it refuses."""

import numpy as np
import pytest

from backtest.errors import InvalidRequest
from backtest.prices.dataset import Dataset
from backtest.prices.splits import apply_split
from tests.backtest.price_bars import dataset


def test_a_reverse_split_multiplies_what_was_paid_before_and_an_unknown_volume_stays_unknown():
    prices = dataset([1.0, 1.0, 10.0], volume=[500.0, np.nan, 40.0])

    applied = apply_split(prices, "2024-01-04", "1:10")

    np.testing.assert_allclose(applied.bars.close[:, 0], [10.0, 10.0, 10.0])
    np.testing.assert_array_equal(applied.bars.volume[:, 0], [50.0, np.nan, 40.0])
    assert applied.origin.as_json()["applied_splits"] == [{"date": "2024-01-04", "ratio": "1:10"}]
    assert Dataset.decode(applied.encode()).origin.splits == applied.origin.splits


def test_a_second_split_is_applied_on_top_of_the_first():
    prices = dataset([8.0, 4.0, 2.0, 2.0])

    applied = apply_split(apply_split(prices, "2024-01-04", "2:1"), "2024-01-03", "2:1")

    np.testing.assert_allclose(applied.bars.close[:, 0], [2.0, 2.0, 2.0, 2.0])
    assert [split.date for split in applied.origin.splits] == ["2024-01-04", "2024-01-03"]


@pytest.mark.parametrize("ratio", ["2", "2:2", "0:1", "1:0", "1001:1", "-2:1", "2.5:1", "", None, 2])
def test_a_ratio_that_is_none_is_refused(ratio):
    with pytest.raises(InvalidRequest, match="ratio: must be new shares for old ones, as 4:1 or 1:10"):
        apply_split(dataset([1.0, 2.0]), "2024-01-03", ratio)


@pytest.mark.parametrize("date", ["2024-01-02", "2023-12-29", "2024-01-04", "yesterday", "", None, "NaT"])
def test_a_date_without_bars_on_both_sides_is_refused(date):
    with pytest.raises(InvalidRequest, match="date: must be a date after the first bar of AAA, 2024-01-02"):
        apply_split(dataset([1.0, 2.0]), date, "2:1")
