"""On how many bars a formula is true, by clause and by part of a chart: numbers counted by hand."""

import numpy as np
import pytest

from backtest.expression import Formula
from backtest.expression.preview import MOST_CLAUSES, clauses_of, parts, preview
from backtest.expression.series import written
from backtest.prices.dataset import make_dataset
from backtest.rules import Prices


def prices_of(close):
    days = np.arange("2024-01-01", "2026-01-01", dtype="datetime64[D]")[: len(close)]
    column = np.array(close, dtype=float)
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), column)
    return Prices(make_dataset("A", days.astype("datetime64[s]"), columns, source="").bars, 0)


def test_true_bars_are_counted_for_the_whole_and_for_each_clause():
    rising = prices_of(range(1, 11))

    found = preview(Formula.read("close > 3 and close <= 8"), rising, 0, 10, parts(0, 10, 5))

    assert found.true_on == 5
    assert found.ticks == (0, 1, 2, 2, 0)
    assert [(clause.text, clause.true_on) for clause in found.clauses] == [
        ("close > 3", 7),
        ("close <= 8", 8),
    ]


def test_bars_before_the_first_one_warm_up_and_are_not_counted():
    flat_then_up = prices_of([1] * 5 + [2] * 5)

    found = preview(Formula.read("close > sma(close, 4)"), flat_then_up, 6, 10, parts(6, 10, 4))

    assert found.true_on == 2
    assert found.ticks == (1, 1, 0, 0)


def test_a_single_condition_has_no_clauses_and_an_unknown_value_counts_as_not_true():
    found = preview(Formula.read("close >= sma(close, 3)"), prices_of([5, 5, 5, 5]), 0, 4, parts(0, 4, 240))

    assert found.true_on == 2
    assert found.ticks == (0, 0, 1, 1)
    assert found.clauses == ()


@pytest.mark.parametrize(
    ("source", "clauses"),
    [
        ("close > 1 and (open > 2 or low > 3)", ["close > 1", "open > 2", "low > 3"]),
        ("close > 1 or not (open > 2 and low > 3)", ["close > 1", "not (open > 2 and low > 3)"]),
        ("1 < close < 9", ["1 < close < 9"]),
    ],
)
def test_clauses_are_what_and_and_or_join(source, clauses):
    assert [written(node) for node in clauses_of(Formula.read(source).tree)] == clauses


def test_of_many_clauses_only_the_first_are_told():
    source = " and ".join(f"close > {number}" for number in range(20))

    found = preview(Formula.read(source), prices_of(range(1, 31)), 0, 30, parts(0, 30, 240))

    assert found.true_on == 11
    assert len(found.clauses) == MOST_CLAUSES


@pytest.mark.parametrize(("first", "stop", "most", "starts"), [(0, 3, 240, [0, 1, 2]), (4, 10, 3, [4, 6, 8])])
def test_the_parts_of_a_chart_are_equal_and_no_more_than_there_are_bars(first, stop, most, starts):
    assert parts(first, stop, most).tolist() == starts
