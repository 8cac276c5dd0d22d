"""Files like those of the great sources, written in one more way: read as meant, asked about, or refused."""

import pytest

from backtest.errors import InvalidFile
from backtest.prices.reading.options import ReadOptions
from backtest.prices.reading.reader import read_prices

HEAD = "Date,Open,High,Low,Close,Volume\n"
PRICES = ",10,12,9,11,500"
FOUR = ["03", "04", "05", "13"]


def read(text, **options):
    return read_prices(text.encode(), file="f.csv", symbol="ACME", ask=False, options=ReadOptions(**options))


def bars(reading):
    bars = reading.symbols[0].dataset.bars
    first = [float(getattr(bars, name)[0, 0]) for name in ("open", "high", "low", "close", "volume")]
    return [str(time)[:10] for time in bars.times], first


ROWS = "".join(f"2022-01-{day}{PRICES}\n" for day in FOUR)
READ = {
    "rows end in a separator": HEAD + ROWS.replace("\n", ",\n"),
    "the header ends in a separator": HEAD.replace("\n", ",\n") + ROWS,
    "row names without a header": HEAD.removeprefix("Date,") + ROWS,
    "lines of an old Mac": (HEAD + ROWS).replace("\n", "\r"),
    "dates of JavaScript": HEAD
    + "".join(f"Jan {day} 2022 00:00:00 GMT+0000 (Coordinated Universal Time){PRICES}\n" for day in FOUR),
    "Polish header": "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n" + ROWS,
    "Bloomberg": "Security,ACME\n\nDate,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME\n" + ROWS,
}


@pytest.mark.parametrize("name", READ)
def test_a_relative_of_an_export_is_read_as_it_is_meant(name):
    days, first = bars(read(READ[name]))

    assert days == [f"2022-01-{day}" for day in FOUR]
    assert first == [10.0, 12.0, 9.0, 11.0, 500.0]


def test_spaces_and_groups_of_india_part_thousands():
    spaces = "Date;Open;High;Low;Close;Volume\n2022-01-31;1 234,5;1 300,0;1 200,0;1 250,0;1 000 000\n"
    india = HEAD + '2022-01-31,"1,23,456.50","1,23,999.00","1,23,000.00","1,23,500.00","12,34,567"\n'

    assert bars(read(spaces))[1] == [1234.5, 1300.0, 1200.0, 1250.0, 1_000_000.0]
    assert bars(read(india))[1] == [123456.5, 123999.0, 123000.0, 123500.0, 1234567.0]


def test_day_numbers_of_excel_are_asked_about():
    text = HEAD + f"44564{PRICES}\n44567{PRICES}\n"

    asked, answered = read(text), read(text, dates="excel")

    assert [question.option for question in asked.questions] == ["dates"]
    assert (bars(answered)[0], answered.questions) == (["2022-01-03", "2022-01-06"], ())


def test_three_numbers_of_two_digits_are_asked_about_where_two_orders_fit():
    asked = read(HEAD + f"22/01/03{PRICES}\n22/01/04{PRICES}\n")

    assert asked.questions[0].choices == ("dmy", "ymd")
    assert bars(read(HEAD + f"22/01/03{PRICES}\n", dates="ymd"))[0] == ["2022-01-03"]


MISLEADING = {
    "one impossible day among digits": "20220103{0}20220104{0}20221301{0}",
    "unix times that lost digits": "1.641168e+09{0}1.641254e+09{0}",
    "a year before any exchange": "0022-01-03{0}",
}


@pytest.mark.parametrize("name", MISLEADING)
def test_a_date_that_would_be_misread_is_refused(name):
    with pytest.raises(InvalidFile, match="must be a date"):
        read(HEAD + MISLEADING[name].format(PRICES + "\n"))
