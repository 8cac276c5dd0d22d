"""What was done to prices travels with the dataset and is no part of its content."""

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.prices.dataset import Dataset, InvalidPayload, decode_times
from backtest.prices.origin import PLAIN, InvalidOrigin, Origin, Repair, Split
from backtest.prices.quality import report_of
from backtest.prices.reading.reader import read_prices
from tests.backtest.price_bars import dataset

DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-05"], "datetime64[s]")
WIDENED = Repair(
    "widened", DAYS, ({"line": 2, "date": "2024-01-02"}, {"line": 3, "date": "2024-01-03 22:00:00"})
)
TOUCHED = Origin("Adj Close", (WIDENED,), (Split("2020-08-31", 4, 1),))


def test_prices_that_nothing_was_done_to_are_encoded_as_before():
    prices = dataset([1.0, 2.0])

    assert prices.origin is PLAIN
    assert b"origin" not in prices.encode()
    assert Dataset.decode(prices.encode()).origin.is_plain


def test_what_was_done_is_read_back_and_changes_neither_hash_nor_bars():
    plain = dataset([1.0, 2.0])
    touched = replace(plain, origin=TOUCHED)

    read = Dataset.decode(touched.encode())

    assert read.data_hash == touched.data_hash == plain.data_hash
    assert read.origin.as_json() == TOUCHED.as_json()
    assert read.origin.repairs[0].times.tolist() == DAYS.tolist()
    assert decode_times(touched.encode()).tolist() == plain.bars.times.tolist()


def test_rows_are_counted_within_a_range_of_days():
    assert WIDENED.within(DAYS[1], DAYS[2]) == 2
    assert WIDENED.within(np.datetime64("2024-01-04", "s"), np.datetime64("2024-01-04", "s")) == 0


def test_a_payload_that_was_cut_in_its_origin_is_refused():
    payload = replace(dataset([1.0, 2.0]), origin=TOUCHED).encode()

    for missing in range(1, 400):
        with pytest.raises(InvalidPayload):
            Dataset.decode(payload[:-missing])


@given(st.binary(max_size=300))
def test_bytes_that_are_no_origin_are_refused(noise):
    with pytest.raises(InvalidOrigin):
        Origin.decode(noise)


@pytest.mark.parametrize(
    "about",
    [
        {"repairs": [["magic", 1, []]]},
        {"repairs": [["zeros", 10_000_001, []]]},
        {"repairs": [["zeros", 1, [{"line": 1, "date": "<b>"}]]]},
        {"repairs": [["zeros", 1, [{"line": 1, "date": "2024-01-02"}] * 21]]},
        {"splits": [["2020-08-31", 0, 1]]},
        {"splits": [["<b>", 4, 1]]},
        {"adjusted_by": "x" * 81},
        {"adjusted_by": 5},
    ],
)
def test_an_origin_that_says_the_impossible_is_refused(about):
    head = json.dumps({"adjusted_by": None, "repairs": [], "splits": []} | about).encode()

    with pytest.raises(InvalidOrigin):
        Origin.decode(len(head).to_bytes(4, "little") + head + zlib.compress(bytes(8)))


def test_a_file_leaves_its_repairs_and_its_adjusted_close_in_the_report_of_the_dataset():
    text = (
        "Date,Open,High,Low,Close,Adj. Close,Volume\n2018-01-01,10,12,9,11,5.5,5\n2018-01-02,0,0,0,0,0,0\n"
        "2018-01-03,10,10.5,9,11,5.5,5\n"
    )

    prices = read_prices(text.encode(), file="f.csv", symbol="ACME").symbols[0].dataset
    report = report_of(Dataset.decode(prices.encode()))

    assert report["adjusted"] == "open, high, low and close are scaled by Adj. Close"
    assert [(repair["rule"], repair["count"], repair["examples"]) for repair in report["repairs"]] == [
        ("zeros", 1, [{"line": 3, "date": "2018-01-02"}]),
        ("widened", 1, [{"line": 4, "date": "2018-01-03"}]),
    ]
    assert report["repairs"][1]["text"] == "high or low widened to hold open and close"
    assert prices.origin.repairs[1].times.astype("datetime64[D]").astype(str).tolist() == ["2018-01-03"]
