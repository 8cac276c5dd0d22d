import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.errors import InvalidFile
from backtest.prices.csv_file import parse_csv

HEADER = "Date,Open,High,Low,Close,Volume"
DAYS = ["2024-01-02,10,12,9,11,100", "2024-01-03,11,13,10,12,200", "2024-01-04,12,14,11,13,300"]


def read(*lines, header=HEADER, **given):
    return parse_csv("\n".join((header, *lines)).encode(), file="prices.csv", symbol="ACME", **given)


def refused(*lines, header=HEADER):
    with pytest.raises(InvalidFile) as caught:
        read(*lines, header=header)
    return caught.value


def replaced(field, value, row=1):
    cells = DAYS[row].split(",")
    cells[HEADER.lower().split(",").index(field)] = value
    return [*DAYS[:row], ",".join(cells), *DAYS[row + 1 :]]


def dates_of(dataset):
    return [str(time) for time in dataset.bars.times]


def test_a_plain_file_is_read_as_it_is_written():
    dataset = read(*DAYS)

    assert (dataset.symbol, dataset.timeframe, dataset.source) == ("ACME", "1d", "file prices.csv")
    assert [day[:10] for day in dates_of(dataset)] == ["2024-01-02", "2024-01-03", "2024-01-04"]
    assert dataset.bars.high[:, 0].tolist() == [12, 13, 14]
    assert dataset.bars.volume[:, 0].tolist() == [100, 200, 300]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + "\n".join((HEADER, *DAYS)),
        "\r\n".join((HEADER, *DAYS)) + "\r\n",
        "\r".join((HEADER, *DAYS)),
        "\n".join((HEADER.upper(), *DAYS)) + "\n\n\n",
        "\n".join((HEADER, DAYS[0], "", *DAYS[1:])),
        "\n".join((HEADER, *DAYS)).replace(",", ";"),
        "\n".join((HEADER, *DAYS)).replace(",", "\t"),
        "\n".join((HEADER, *DAYS)).replace(",", " , "),
        "\n".join('"' + line.replace(",", '","') + '"' for line in (HEADER, *DAYS)),
        "\n".join(line.replace(",", ",free text é,", 1) for line in (HEADER, *DAYS)),
        "\n".join((HEADER.replace("Date", ""), *DAYS)),
        "\n".join((HEADER.replace("Date", "Timestamp"), *DAYS)),
        "\n".join((HEADER, *DAYS)).replace(",13,", ",1.3e1,"),
    ],
    ids=["BOM", "CRLF", "CR", "upper case", "empty line", "semicolon", "tab", "spaces", "quoted", "further column",
         "unnamed date", "Timestamp", "scientific"],
)  # fmt: skip
def test_the_usual_ways_of_writing_give_the_same_dataset(content):
    dataset = parse_csv(content.encode(), file="prices.csv", symbol="ACME")

    assert dataset.data_hash == read(*DAYS).data_hash


def test_columns_may_stand_in_any_order():
    lines = [",".join(reversed(line.split(","))) for line in (HEADER, *DAYS)]

    assert read(*lines[1:], header=lines[0]).data_hash == read(*DAYS).data_hash


def test_an_adjusted_close_scales_all_four_prices():
    dataset = read("2024-01-02,98,104,96,100,50,7", header="date,open,high,low,close,Adj Close,volume")

    bars = dataset.bars
    assert [bars.open[0, 0], bars.high[0, 0], bars.low[0, 0], bars.close[0, 0]] == [49, 52, 48, 50]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2024-01-02", "2024-01-03"), ("2024/01/02", "2024/1/3"), ("2024.01.02", "2024.01.03"),
        ("20240102", "20240103"), ("2-Jan-2024", "03-Jan-2024"), ("2 January 2024", "3 jan 2024"),
        ("Jan 2 2024", "Jan 3 2024"), ('"Jan 02, 2024"', '"January 3, 2024"'),
        ("2024-01-02T00:00:00", "2024-01-03 00:00"), ("2024-01-02 00:00:00-05:00", "2024-01-03 00:00:00-05:00"),
        ("2024-01-02T00:00:00Z", "2024-01-03 00:00:00+00:00"), ("1704153600", "1704240000"),
        ("1704153600000", "1704240000000"), ("2024-01-02 00:00:00.000", "2024-01-03 00:00:00.000"),
    ],
)  # fmt: skip
def test_dates_in_unambiguous_styles_are_understood(first, second):
    dataset = read(f"{first},1,1,1,1,0", f"{second},1,1,1,1,0")

    assert dates_of(dataset) == ["2024-01-02T00:00:00", "2024-01-03T00:00:00"]


def test_slashed_dates_are_understood_where_the_file_leaves_one_order_only():
    american = read("1/2/2024,1,1,1,1,0", "1/31/2024,1,1,1,1,0")
    european = read("2/1/2024,1,1,1,1,0", "31/1/2024,1,1,1,1,0")

    assert dates_of(american) == dates_of(european) == ["2024-01-02T00:00:00", "2024-01-31T00:00:00"]


def test_times_with_an_offset_become_utc():
    dataset = read("2024-01-02 09:30:00-05:00,1,1,1,1,0", "2024-01-02 09:35:00-05:00,1,1,1,1,0")

    assert (dates_of(dataset), dataset.timeframe) == (["2024-01-02T14:30:00", "2024-01-02T14:35:00"], "5m")


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        ("03/04/2024", "is ambiguous (day or month first)"), ("2024-02-30", "is not a calendar day"),
        ("2024-13-01", "is not a calendar day"), ("yesterday", "must be a date (YYYY-MM-DD)"),
        ("now", "must be a date"), ("2024", "must be a date"), ("2024-01", "must be a date"),
        ("", "a value is missing"), ("NaT", "a value is missing"), ("2024-W01-1", "must be a date"),
        ("32/13/2024", "is not a calendar day"), ("2 Foo 2024", "must be a date"),
        ("2024-01-02 25:00", "is not a calendar day"), ("=NOW()", "must be a date"),
        ("2024-01-03 00:00:00.5", "is not a calendar day"), ("02/01/24", "must be a date"),
    ],
)  # fmt: skip
def test_a_date_that_is_none_or_two_is_refused_with_its_line(date, reason):
    wrong = refused(f"{date},1,1,1,1,0")

    assert (wrong.file, wrong.line, wrong.field) == ("prices.csv", 2, "date")
    assert reason in str(wrong)


def test_dates_that_switch_between_day_first_and_month_first_are_refused():
    wrong = refused("1/31/2024,1,1,1,1,0", "28/2/2024,1,1,1,1,0")

    assert (wrong.line, wrong.field) == (2, "date")
    assert "write dates as YYYY-MM-DD" in str(wrong)


def test_a_time_zone_in_some_rows_only_is_refused():
    wrong = refused("2024-01-02,1,1,1,1,0", "2024-01-03T00:00:00Z,1,1,1,1,0")

    assert (wrong.line, wrong.field) == (3, "date")


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("text", ["", "NaN", "null", "n/a", "-"])
def test_a_hole_is_refused_with_line_date_and_field(field, text):
    wrong = refused(*replaced(field, text))

    assert (wrong.line, wrong.date, wrong.field) == (3, "2024-01-03", field)
    assert "a value is missing" in str(wrong)


@pytest.mark.parametrize(
    "text",
    ["inf", "-Infinity", "1e999", "abc", "1_000", "0x10", "12.5.1", "1,5", "٣", "=1+1", "@SUM(A1)",
     "+cmd|' /C calc'!A0", "$12", "12%"],
)  # fmt: skip
def test_what_is_no_finite_number_is_refused_with_line_date_and_field(text):
    quoted = f'"{text}"' if "," in text else text

    wrong = refused(*replaced("close", quoted))

    assert (wrong.line, wrong.date, wrong.field) == (3, "2024-01-03", "close")
    assert "must be a finite number" in str(wrong)
    assert text[:10] in str(wrong)


def test_a_duplicate_date_is_refused_with_both_lines():
    wrong = refused(DAYS[0], DAYS[1], DAYS[1])

    assert (wrong.line, wrong.date, wrong.field) == (4, "2024-01-03", "date")
    assert "is the same date as 2024-01-03 in line 3" in str(wrong)


def test_rows_out_of_order_are_refused():
    wrong = refused(DAYS[1], DAYS[0])

    assert (wrong.line, wrong.date, wrong.field) == (3, "2024-01-02", "date")
    assert "sorted, oldest first" in str(wrong)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("open", "-11", "must be a price above 0, got -11"), ("close", "0", "must be a price above 0, got 0"),
        ("volume", "-1", "must be at least 0, got -1"), ("high", "9", "must not be below low, got 9"),
        ("high", "11.5", "must not be below open or close, got 11.5"),
        ("low", "11.5", "must not be above open or close, got 11.5"),
    ],
)  # fmt: skip
def test_impossible_prices_are_refused_with_value_line_date_and_field(field, value, reason):
    wrong = refused(*replaced(field, value))

    assert (wrong.line, wrong.date, wrong.field) == (3, "2024-01-03", field)
    assert reason in str(wrong)


def test_every_mistake_is_told_at_once_and_in_order():
    wrong = refused("2024-01-02,x,12,9,11,100", "2024-01-03,11,13,10,,200", "2024-01-04,12,14,11,13,1,2")

    assert [(error.line, error.field) for error in wrong.errors] == [(2, "open"), (3, "close"), (4, "")]
    assert "has 7 columns, but the header has 6" in str(wrong.errors[2])


def test_no_more_than_twenty_mistakes_are_told():
    assert len(refused(*(["x,x,x,x,x,x"] * 1_000)).errors) == 20


@pytest.mark.parametrize("field", HEADER.split(","))
def test_a_missing_column_is_named(field):
    wrong = refused(header=HEADER.replace(field, "Other"))

    assert (wrong.line, wrong.field) == (1, field.lower())
    assert "column is missing; the file has the columns " in str(wrong)


def test_a_column_that_is_there_twice_is_refused():
    wrong = refused(DAYS[0] + ",1", header=HEADER + ",CLOSE")

    assert (wrong.line, wrong.field) == (1, "close")
    assert "is in two columns: 'Close' and 'CLOSE'" in str(wrong)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "must start with a header"), (b"\n\n\n", "must start with a header"),
        (HEADER.encode(), "contains no rows"), (HEADER.encode() + b"\n\n\n", "contains no rows"),
        (HEADER.encode("utf-16"), "encoded in UTF-16"), (b"PK\x03\x04....", "zip archive or an Excel workbook"),
        (b"\x1f\x8b....", "compressed with gzip"), (b"PAR1....", "Parquet"),
        ("\n".join((HEADER, *DAYS, "Zürich")).encode("latin-1"), "line 5: must be encoded in UTF-8"),
        ("\n".join((HEADER, DAYS[0], "\x00")).encode(), "line 3: contains a NUL byte"),
        (",".join(map(str, range(1_000_000))).encode(), "the header is longer than"),
        ((HEADER + ",x" * 100).encode(), "has 106 columns, at most 64"),
        (f"{HEADER}\n{',' * 1_000_000}".encode(), "line 2: is longer than"),
        ((HEADER + '\n"2024-01-02,1,1,1,1,1').encode(), "is not a valid CSV row"),
    ],
)  # fmt: skip
def test_what_is_no_csv_of_prices_is_refused_in_words(content, reason):
    with pytest.raises(InvalidFile, match="prices.csv") as caught:
        parse_csv(content, file="prices.csv", symbol="ACME")

    assert reason in str(caught.value)


def test_a_symbol_that_can_be_none_is_refused():
    with pytest.raises(InvalidFile, match="symbol: must have 1 to 32 letters, digits"):
        parse_csv(b"", file="prices.csv", symbol="a b")


def test_a_stream_that_is_too_large_is_not_read_to_its_end():
    class Endless(io.RawIOBase):
        received = 0

        def read(self, size=-1):
            self.received += size
            return b"1" * size

    stream = Endless()

    with pytest.raises(InvalidFile, match="larger than the limit of 1 MiB"):
        parse_csv(stream, file="prices.csv", symbol="ACME", max_bytes=1 << 20)

    assert stream.received == (1 << 20) + 1


def many_rows(count, clock="%Y-%m-%d %H:%M:%S"):
    times = np.datetime64("1990-01-01", "s") + np.arange(count) * np.timedelta64(60, "s")
    return "\n".join([HEADER, *(f"{str(time).replace('T', ' ')},10,12,9,11,100" for time in times)])


def test_blocks_of_a_long_file_are_joined_without_losing_a_row():
    content = many_rows(120_000)
    assert len(content) > 2 * (1 << 21)

    dataset = parse_csv(content.encode(), file="prices.csv", symbol="ACME")

    assert (len(dataset), dataset.timeframe) == (120_000, "1m")
    assert str(dataset.bars.times[-1]) == "1990-03-25T07:59:00"


def test_a_mistake_far_down_a_long_file_is_told_with_its_line():
    lines = many_rows(120_000).split("\n")
    lines[110_000] = lines[110_000].replace(",11,", ",eleven,")

    with pytest.raises(InvalidFile) as caught:
        parse_csv("\n".join(lines).encode(), file="prices.csv", symbol="ACME")

    assert [(error.line, error.field) for error in caught.value.errors] == [(110_001, "close")]


def test_a_long_file_costs_little_memory():
    content = many_rows(120_000).encode()
    tracemalloc.start()

    parse_csv(content, file="prices.csv", symbol="ACME")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 12 * len(content)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_any_text_is_read_or_refused(text):
    content = f"{HEADER}\n{text}".encode()

    try:
        dataset = parse_csv(content, file="prices.csv", symbol="ACME")
    except InvalidFile as wrong:
        assert wrong.file == "prices.csv"
    else:
        assert len(dataset) > 0


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    with pytest.raises(InvalidFile, match="prices.csv"):
        parse_csv(content, file="prices.csv", symbol="ACME")
