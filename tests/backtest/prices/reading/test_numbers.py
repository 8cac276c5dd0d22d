"""Cells of numbers are read by their shape, and mean what the patterns say of each cell alone."""

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.prices.reading.cells.number_patterns import read_each
from backtest.prices.reading.cells.numbers import parse_numbers

WRITTEN = ["{:,.2f}", "{:.3f}", "{:.0f}", "{:,.10f}", "{:.17g}", "{:.16f}", "{:e}", "{:,.0f}"]
odd = st.text("0123456789.,-+()$%KMbe '€\u202f원x", max_size=14)
words = st.sampled_from(
    [
        "",
        "-",
        "null",
        "NaN",
        "n/a",
        "inf",
        "nan(1)",
        "$1e999",
        "1e400",
        "(1.5)",
        "-$5",
        " 5 ",
        "٣",
        "$" + "1" * 50,
    ]
)


@st.composite
def written(draw):
    value = draw(st.one_of(st.floats(-1e17, 1e17), st.integers(-(10**20), 10**20), st.floats(-1, 1)))
    text = draw(st.sampled_from(WRITTEN)).format(value)
    text = text.replace(",", draw(st.sampled_from([",", " ", "'", "\u202f", "."])))
    if draw(st.booleans()):
        text = text.translate(str.maketrans(",.", ".,"))
    before = draw(st.sampled_from(["", "", "$", "€ ", "+", "("]))
    return before + text + draw(st.sampled_from(["", "", "K", "%", "b", " €", "원", " USD", ")"]))


@settings(max_examples=300, deadline=None)
@given(
    cells=st.lists(st.one_of(written(), odd, words), min_size=1, max_size=60), decimal=st.sampled_from(".,")
)
def test_a_column_means_what_each_of_its_cells_means_alone(cells, decimal):
    together = parse_numbers(pa.array(cells), decimal=decimal)
    alone = [read_each(pa.array([cell]), decimal) for cell in cells]

    for read, expected in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_array_equal(read, np.concatenate(expected))


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("$1,234,567.89", ".", 1234567.89),
        ("1.234.567,89 €", ",", 1234567.89),
        ("1 234,50 €", ",", 1234.5),
        ("(1,234.5)", ".", -1234.5),
        ("1.43B", ".", 1_430_000_000.0),
        ("$0.1234567890123456789", ".", 0.1234567890123456789),
        ("$9007199254740993", ".", 9007199254740992.0),
        ("$1.5e-3", ".", 0.0015),
        ("-12.5%", ".", -0.125),
    ],
)  # fmt: skip
def test_a_number_is_read_to_its_last_bit_among_others_of_its_shape(cell, decimal, value):
    values, missing, unreadable = parse_numbers(pa.array([cell] * 3), decimal=decimal)

    assert values.tolist() == [value] * 3
    assert not missing.any()
    assert not unreadable.any()


def test_a_cell_of_a_known_shape_with_one_wrong_sign_is_unreadable():
    column = pa.array(["$1,234.50", "$1,23x.50", "$1,23,4.50", "$1.234.50", "$2,345.75"])

    values, _, unreadable = parse_numbers(column, decimal=".")

    assert unreadable.tolist() == [False, True, True, True, False]
    np.testing.assert_array_equal(values, [1234.5, np.nan, np.nan, np.nan, 2345.75])


def test_a_column_of_nothing_but_different_shapes_takes_no_longer_than_its_patterns():
    random = np.random.default_rng(3)
    letters = np.array(list("0123456789 ',.$KM-"))
    cells = ["".join(letters[random.integers(0, 18, size)]) for size in random.integers(6, 40, 50_000)]

    started = time.process_time()
    read_each(pa.array(cells), ".")
    patterns = time.process_time() - started
    started = time.process_time()
    parse_numbers(pa.array(cells), decimal=".")

    assert time.process_time() - started < 4 * patterns + 0.2
