"""Rows that are wrong by rounding or by their source are repaired or left out by a rule, counted and listed."""

import pytest

from backtest.errors import InvalidFile
from backtest.prices.reading.reader import read_prices

HEAD = "Date,Open,High,Low,Close,Volume\n"
GOOD = "2018-01-0{},10,12,9,11,5\n"


def read(*rows, head=HEAD):
    return read_prices((head + "".join(rows)).encode(), file="f.csv", symbol="ACME").symbols[0]


def repairs(prices):
    return {repair.rule: (repair.count, repair.examples[0]["line"]) for repair in prices.repairs}


LEFT_OUT = {
    "empty": "2018-01-02,,,,,\n",
    "incomplete": "2018-01-02,10,,9,11,5\n",
    "zeros": "2018-01-02,0,0,0,0,0\n",
    "halted": "2018-01-02,0,0,0,11,0\n",
    "repeated": GOOD.format(1),
}


@pytest.mark.parametrize("rule", LEFT_OUT)
def test_a_row_without_usable_prices_is_left_out_and_counted(rule):
    prices = read(GOOD.format(1), LEFT_OUT[rule], GOOD.format(3))

    assert [str(time)[:10] for time in prices.dataset.bars.times] == ["2018-01-01", "2018-01-03"]
    assert repairs(prices) == {rule: (1, 3)}


def test_a_word_for_nothing_is_a_missing_value():
    for word in ("null", "NaN", "N/A", "-", ""):
        prices = read(GOOD.format(1), f"2018-01-02,{word},{word},{word},{word},{word}\n", GOOD.format(3))

        assert repairs(prices) == {"empty": (1, 3)}


def test_a_last_row_without_an_adjusted_close_is_left_out():
    head = "Date,Open,High,Low,Close,Adj Close,Volume\n"

    prices = read("2018-01-01,10,12,9,11,11,5\n", "2018-01-02,10,12,9,11,,5\n", head=head)

    assert (len(prices.dataset), repairs(prices)) == (1, {"no adjusted close": (1, 3)})


def test_a_high_that_misses_the_close_by_the_last_bit_is_moved_onto_it():
    prices = read("2018-01-01,27.8,27.834974288940433,27.7,27.83497428894043401,5\n",
                  "2018-01-02,10,10.999999999999998,9,11,5\n")  # fmt: skip

    assert prices.dataset.bars.high[1, 0] == 11.0
    assert repairs(prices) == {"rounding": (1, 3)}


def test_a_close_outside_its_range_widens_the_range_and_is_listed():
    prices = read(GOOD.format(1), "2018-01-02,10,10.5,9,11,5\n", "2018-01-03,8.5,12,9,11,5\n")

    assert (prices.dataset.bars.high[1, 0], prices.dataset.bars.low[2, 0]) == (11.0, 8.5)
    assert repairs(prices) == {"widened": (2, 3)}
    (widened,) = prices.repairs
    assert [str(time)[:10] for time in widened.times] == ["2018-01-02", "2018-01-03"]


WRONG = {
    "high below low": ("2018-01-02,10,9,12,11,5\n", "must not be below low"),
    "close a hundred times too high": ("2018-01-02,10,12,9,1100,5\n", "below open or close by more than 20%"),
    "negative price": ("2018-01-02,10,12,-9,11,5\n", "must be a price above 0"),
    "one zero": ("2018-01-02,0,12,9,11,5\n", "must be a price above 0"),
    "negative volume": ("2018-01-02,10,12,9,11,-5\n", "must be at least 0"),
    "two prices of one day": ("2018-01-01,10,12,9,10.5,5\n", "occurs twice with different prices"),
    "a word": ("2018-01-02,10,12,9,eleven,5\n", "must be a number"),
    "no day": ("2018-02-31,10,12,9,11,5\n", "must be a date"),
    "too few cells": ("2018-01-02,10,12\n", "has 3 columns where the header has 6"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_rule_covers_is_refused_with_its_line(name):
    row, message = WRONG[name]

    with pytest.raises(InvalidFile, match=message) as refused:
        read(GOOD.format(1), row, GOOD.format(3))

    assert refused.value.line == 3


def test_a_number_of_thousands_of_digits_is_refused_at_once():
    with pytest.raises(InvalidFile, match="must be a number"):
        read(GOOD.format(1), f"2018-01-02,10,12,9,{'1' * 16_000}x,5\n")
