"""The span of a request follows from calendars alone, and is the one that its prices are computed on."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.errors import InvalidRequest
from backtest.prices.bars import common_times
from backtest.run.alignment import align
from backtest.run.request import RunRequest
from backtest.run.span import Calendar, find_span
from tests.backtest.price_bars import dataset

DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], "datetime64[s]")


def request(*symbols, **fields):
    basic = {
        "symbols": list(symbols),
        "rule_type": "BUY_AND_HOLD",
        "start_date": "2024-01-01",
        "end_date": "2024-01-07",
    }
    return RunRequest.parse(basic | fields)


def calendar(symbol, times, timeframe="1d"):
    return Calendar(symbol, timeframe, hashlib.sha256(symbol.encode()).hexdigest(), times)


def span(request, *calendars):
    return find_span(request, {calendar.symbol: calendar for calendar in calendars})


def refusal(request, *calendars):
    with pytest.raises(InvalidRequest) as refused:
        span(request, *calendars)
    (error,) = refused.value.errors
    return error.field, error.message


def test_only_common_bars_up_to_the_end_date_are_traded_and_each_lost_bar_is_counted():
    found = span(
        request("AAA", "BBB", start_date="2024-01-03"),
        calendar("AAA", DAYS),
        calendar("BBB", DAYS[[0, 1, 3, 4]]),
    )

    assert found.times.tolist() == DAYS[[1, 3]].tolist()
    assert found.common.tolist() == DAYS[[0, 1, 3, 4]].tolist()
    assert [rows.tolist() for rows in found.rows] == [[1, 3], [1, 2]]
    assert found.starts == [1, 1]
    (warning,) = found.warnings
    assert "BBB lacks 1 bar on 2024-01-04 that other symbols have." in warning.message
    assert "Left out within the range: 1 bar of AAA." in warning.message


def test_one_symbol_has_its_own_hash_and_several_the_hash_over_theirs_in_order():
    one, two = calendar("AAA", DAYS), calendar("BBB", DAYS)

    assert span(request("AAA"), one).data_hash == one.data_hash
    both = hashlib.sha256(f"{two.data_hash}\n{one.data_hash}".encode()).hexdigest()
    assert span(request("BBB", "AAA"), one, two).data_hash == both


def test_the_benchmark_is_pinned_but_does_not_change_the_hash_of_the_symbols():
    own, index = calendar("AAA", DAYS), calendar("IDX", DAYS[[0, 2]])

    found = span(request("AAA", benchmark="IDX"), own, index)

    assert found.data_hash == own.data_hash
    assert found.hashes == {"AAA": own.data_hash, "IDX": index.data_hash}
    assert found.benchmark_rows.tolist() == [0, 0, 1, 1]
    assert "has no price on 2 bars" in found.warnings[0].message


@pytest.mark.parametrize(
    ("fields", "calendars", "field", "message"),
    [
        ({}, [("AAA", DAYS[:2]), ("BBB", DAYS[2:])], "symbols", "must have bars in common: AAA 2024-01-02 to 2024-01-03"),
        ({}, [("AAA", DAYS), ("BBB", DAYS, "1h")], "symbols", "AAA has 1d bars and BBB has 1h bars"),
        ({"start_date": "2024-02-01", "end_date": "2024-03-01"}, [("AAA", DAYS), ("BBB", DAYS)],
         "start_date", "must not be after the last bar: prices of AAA, BBB are available from 2024-01-02 to 2024-01-08"),
        ({"start_date": "2023-02-01", "end_date": "2023-03-01"}, [("AAA", DAYS), ("BBB", DAYS)],
         "end_date", "must not be before the first bar"),
        ({"start_date": "2024-01-06", "end_date": "2024-01-07"}, [("AAA", DAYS), ("BBB", DAYS)],
         "end_date", "No bars from 2024-01-06 to 2024-01-07"),
        ({"benchmark": "IDX"}, [("AAA", DAYS), ("BBB", DAYS), ("IDX", DAYS, "1w")],
         "benchmark", "must have 1d bars as the symbols do, but IDX has 1w bars"),
        ({"benchmark": "IDX"}, [("AAA", DAYS), ("BBB", DAYS), ("IDX", DAYS[3:])],
         "benchmark", "IDX has bars from 2024-01-05 to 2024-01-08 only, but trading starts on 2024-01-02"),
        ({"benchmark": "IDX"}, [("AAA", DAYS), ("BBB", DAYS)], "benchmark", "No price data for IDX"),
    ],
)  # fmt: skip
def test_calendars_that_do_not_fit_are_refused_by_field(fields, calendars, field, message):
    named, text = refusal(request("AAA", "BBB", **fields), *(calendar(*each) for each in calendars))

    assert named == field
    assert message in text


def test_what_is_promised_at_submission_is_what_is_computed_on():
    prices = {
        "AAA": dataset([100, 101, 102, 103, 104], times=DAYS),
        "BBB": dataset([50, 51, 52, 53], times=DAYS[1:], symbol="BBB"),
        "IDX": dataset([10, 11, 12], times=DAYS[[0, 2, 3]], symbol="IDX"),
    }
    calendars = [Calendar(name, "1d", own.data_hash, own.bars.times) for name, own in prices.items()]
    asked = request("AAA", "BBB", benchmark="IDX")

    promised, computed = span(asked, *calendars), align(asked, prices)

    assert promised.times.tolist() == computed.bars.times.tolist() == DAYS[1:4].tolist()
    assert (promised.starts, promised.data_hash, promised.hashes) == (
        computed.span.starts,
        computed.span.data_hash,
        computed.span.hashes,
    )
    assert promised.warnings == computed.span.warnings


@given(st.lists(st.sets(st.integers(0, 40)), min_size=1, max_size=4))
def test_common_times_are_those_that_every_calendar_holds(sets):
    calendars = [np.array(sorted(times), "datetime64[s]") for times in sets]

    common = common_times(calendars)

    assert common.astype(int).tolist() == sorted(set.intersection(*sets))
