"""Parquet columns with values that Python cannot represent: read or refused in words, wherever they stand."""

import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtest.errors import InvalidFile
from backtest.prices.reading.reader import read_prices

DAYS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]
COLUMNS = {
    "Date": pa.array(DAYS),
    **{name: pa.array([10.0, 11.0, 12.0]) for name in ("Open", "High", "Low", "Close", "Volume")},
}


def whole(*values, kind):
    return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)


ODD = {
    "days beyond the year 9999": whole(2**31 - 1, 5, 6, kind=pa.date32()),
    "days before the year 1": whole(-(2**31), 5, 6, kind=pa.date32()),
    "milliseconds beyond the year 9999": whole(
        86_400_000 * 10**7, 86_400_000, 2 * 86_400_000, kind=pa.date64()
    ),
    "time stamps beyond the year 9999": whole(2**53, 1, 2, kind=pa.timestamp("s")),
    "time stamps with nanoseconds": whole(1_700_000_000_000_000_001, 2, 3, kind=pa.timestamp("ns")),
    "time stamps of an unknown zone": whole(1, 2, 3, kind=pa.timestamp("s", "Mars/Olympus")),
    "time stamps with an offset and nanoseconds": whole(1, 2, 3, kind=pa.timestamp("ns", "+05:30")),
    "a time of day with nanoseconds": whole(1, 2, 3, kind=pa.time64("ns")),
    "a time of day beyond the day": whole(2**31 - 1, 2, 3, kind=pa.time32("s")),
    "durations beyond measure": whole(2**63 - 1, 2, 3, kind=pa.duration("s")),
    "durations with nanoseconds": whole(1, 2, 3, kind=pa.duration("ns")),
    "nothing at all": pa.nulls(3),
    "truth values": pa.array([True, False, None]),
}


def read(columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return read_prices(sink.getvalue(), file="odd.parquet", symbol="AAA", ask=False)


@pytest.mark.parametrize("odd", ODD)
def test_a_further_column_of_odd_values_is_left_out_and_shown_in_the_preview(odd):
    reading = read(COLUMNS | {"Note": ODD[odd]})

    assert reading.preview[0][-1] == "Note"
    assert len(reading.preview) == 4


@pytest.mark.parametrize(
    "odd", ["days beyond the year 9999", "days before the year 1", "time stamps beyond the year 9999"]
)
def test_a_bar_of_a_day_that_no_calendar_has_is_refused_with_its_line(odd):
    with pytest.raises(InvalidFile, match="line 1, date: must be a day of the years 1600 to 9999, got"):
        read(COLUMNS | {"Date": ODD[odd]})


@pytest.mark.parametrize("place", ["Note", "Date", "Close"])
def test_a_text_that_is_no_utf_8_is_refused_in_words(place):
    texts = pa.array([b"\xff\xfe", b"\x80", b"a"]).cast(pa.binary()).view(pa.string())

    with pytest.raises(InvalidFile, match="is damaged or no Parquet file: Invalid UTF8"):
        read(COLUMNS | {place: texts})


@pytest.mark.parametrize("place", list(COLUMNS))
@pytest.mark.parametrize("odd", ODD)
def test_odd_values_in_a_column_of_prices_or_dates_are_read_or_refused_in_words(odd, place):
    try:
        reading = read(COLUMNS | {place: ODD[odd]})
    except InvalidFile as refused:
        assert str(refused)
    else:
        assert reading.rows == 3
