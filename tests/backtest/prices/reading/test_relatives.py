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


ROW = ",1234.5,1300.25,1200,1250.75,98765"
MORE = [f"2022-01-{day:02d}" for day in (3, 4, 5, 6, 7, 10, 11, 12, 13, 14)]
LINES = [day + ROW for day in MORE]
TEXT = "\n".join(LINES) + "\n"
VALUES = [1234.5, 1300.25, 1200.0, 1250.75, 98765.0]
WRITTEN = {
    "two separators behind every row": HEAD + TEXT.replace("\n", ",,\n"),
    "a byte order mark in the midst": HEAD + TEXT.replace("2022-01-10", "\ufeff2022-01-10"),
    "lines that end in three ways": HEAD.replace("\n", "\r\n") + TEXT.replace("\n", "\r", 3),
    "the end of a file of DOS": HEAD + TEXT + "\x1a",
    "two columns of volume": HEAD.replace("\n", ",Volume\n") + TEXT.replace("\n", ",7\n"),
    "units in the header": "Date,Open (USD),High (USD),Low (USD),Close (USD),Volume (shares)\n" + TEXT,
    "units in brackets of another kind": "Date,Open[$],High [$],Low[$],Close [$],Vol.\n" + TEXT,
    "Korean units": "일자,시가(원),고가(원),저가(원),종가(원),거래량(주)\n" + TEXT,
    "explanations behind names": "Date,Open,High,Low,Close     Close price adjusted for splits.,Volume\n"
    + TEXT,
    "names of another database": "TRADE_DATE,OPEN_PRICE,HIGH_PRICE,LOW_PRICE,CLOSE_PRICE,TRADE_VOLUME\n"
    + TEXT,
    "high and low of the day": "Trading Date,Opening Price,Day High,Day Low,Closing Price,Shares Traded\n"
    + TEXT,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_one_more_way_of_writing_a_file_changes_no_value(name):
    days, first = bars(read(WRITTEN[name]))

    assert (days, first) == (MORE, VALUES)


@pytest.mark.parametrize("sign", ["\u2009", "\u2007", "\u202f", "\u00a0", " ", "'", "’", "_"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_every_sign_that_parts_thousands_is_read(sign, decimal):
    cells = [f"1{sign}234.5", f"1{sign}300.25", f"1{sign}200", f"1{sign}250.75", f"98{sign}765"]
    row = ";".join(cell.replace(".", decimal) for cell in cells)

    read_back = bars(read("Date;Open;High;Low;Close;Volume\n" + "".join(f"{day};{row}\n" for day in MORE)))

    assert read_back == (MORE, VALUES)


@pytest.mark.parametrize("minus", ["-", "\u2212", "\u2013"])
def test_a_minus_of_typesetters_is_a_minus(minus):
    with pytest.raises(InvalidFile, match="volume: must be at least 0, got -5"):
        read(HEAD + f"2022-01-03,10,12,9,11,{minus}5\n")


def test_brackets_are_a_minus_too():
    with pytest.raises(InvalidFile, match="open: must be a price above 0.*got -10"):
        read(HEAD + "2022-01-03,(10),12,9,11,5\n")


@pytest.mark.parametrize(
    "line",
    [
        "Total,,,,,987650", "Average,1234,1300,1200,1250,98765", ",,,,,987650", "Source: Yahoo Finance",
        "Downloaded on 2022-02-01 by somewhere", "데이터 제공: KRX", "# end", "합계,,,,,987650",
        '"Highest: 28,726.62","Lowest: 1","Average: 3"',
    ],
)  # fmt: skip
def test_lines_of_words_behind_the_last_row_are_left_out_and_told(line):
    reading = read(HEAD + TEXT + "\n" + line + "\n,,,,,\n")

    assert bars(reading) == (MORE, VALUES)
    assert reading.remarks == ("1 line behind the last row left out",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2O22-01-17" + ROW, "must be a date"),
        ("Monday 17. Januar" + ROW, "must be a date"),
        ("Jan 17", "has 1 columns"),
        (ROW, "the date is missing"),
        ("2022-01-17,x", "has 2 columns"),
    ],
)
def test_a_broken_last_row_is_refused_and_not_taken_for_words(line, reason):
    with pytest.raises(InvalidFile, match=reason) as refused:
        read(HEAD + TEXT + line + "\n")

    assert refused.value.errors[0].line == 12


def test_dates_in_long_words_are_no_words_behind_the_last_row():
    days = ['"Monday, January 03, 2022"', '"Tuesday, January 04, 2022"', '"Wednesday, January 05, 2022"']

    assert bars(read(HEAD + "".join(day + ROW + "\n" for day in days)))[0] == MORE[:3]


def test_the_header_of_joined_files_is_left_out_wherever_it_stands_again():
    text = HEAD + "\n".join(LINES[:5]) + "\n\ufeff" + HEAD + "\n".join(LINES[5:]) + "\n"

    reading = read(text)

    assert (bars(reading), reading.remarks) == ((MORE, VALUES), ("1 line among the rows left out",))
    with pytest.raises(InvalidFile) as refused:
        read(text.replace("2022-01-12,1234.5", "2022-01-12,x"))
    assert refused.value.errors[0].line == 10  # counted with the header that is left out


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("2022-01-01,x,1300.25,1200,1250.75,98765", "open: must be a number such as 1234.56, got 'x'"),
        ("2022-13-01" + ROW, "must be a date"),
        ("n/a" + ROW, "must be a date"),
        ("2022-01-01", "has 1 columns"),
    ],
)
def test_a_broken_first_row_without_header_is_refused_by_its_line(first, reason):
    with pytest.raises(InvalidFile, match=reason) as refused:
        read(first + "\n" + TEXT)

    assert refused.value.errors[0].line == 1


def test_an_empty_first_row_without_header_is_left_out_like_any_other():
    reading = read("2022-01-02,null,null,null,null,null\n" + TEXT)

    assert bars(reading) == (MORE, VALUES)
    assert [(repair.rule, repair.count) for repair in reading.symbols[0].repairs] == [("empty", 1)]


def test_of_two_closes_of_one_name_the_option_takes_one_by_its_number():
    text = "Date,Open,High,Low,Close,Volume,Close\n" + "".join(f"{line},1240\n" for line in LINES)

    with pytest.raises(InvalidFile, match="2 columns hold it: 'Close', 'Close'.*close=column 7"):
        read(text)
    assert bars(read(text, columns={"close": "column 7"}))[1][3] == 1240.0


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16-be", "euc-kr"])
def test_rarer_encodings_are_found_out(encoding):
    text = "날짜,시가,고가,저가,종가,거래량\n" + TEXT

    reading = read_prices(text.encode(encoding), file="f.csv", symbol="ACME", ask=False)

    assert bars(reading) == (MORE, VALUES)


def clocked(day, month, year, clock):
    return {
        "오후": f"{year}. {month}. {day} 오후 3:30:00",
        "PM before": f"{year}/{month}/{day} PM 3:30",
        "KST": f"{year}-{month:02d}-{day:02d} 15:30:00 KST",
        "EST": f"{year}-{month:02d}-{day:02d} 16:00:00 EST",
        "weekday": f"{year}-{month:02d}-{day:02d}(월)",
        "Korean weekday": f"{year}년 {month}월 {day}일 월요일",
    }[clock]


@pytest.mark.parametrize("clock", ["오후", "PM before", "KST", "EST", "weekday", "Korean weekday"])
def test_days_are_read_with_the_clocks_zones_and_weekdays_of_korea_and_new_york(clock):
    text = HEAD + "".join(clocked(int(day[-2:]), 1, 2022, clock) + ROW + "\n" for day in MORE)

    assert bars(read(text)) == (MORE, VALUES)


def test_a_named_zone_moves_bars_within_the_day():
    text = HEAD + "".join(f"2022-01-03 오전 {hour}:30:00 KST{ROW}\n" for hour in (9, 10, 11))

    times = read(text).symbols[0].dataset.bars.times

    assert [str(time) for time in times] == [f"2022-01-03T0{hour}:30:00" for hour in (0, 1, 2)]


@pytest.mark.parametrize("style", ["{y}-{m:02d}", "{y}/{m}", "{y}{m:02d}", "{n} {y}", "{n}-{y}"])
def test_months_without_a_day_are_monthly_bars(style):
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    months = [(year, month) for year in (2020, 2021) for month in range(1, 13)]

    text = HEAD + "".join(style.format(y=y, m=m, n=names[m - 1]) + ROW + "\n" for y, m in months)

    dataset = read(text).symbols[0].dataset
    assert (dataset.timeframe, str(dataset.bars.times[-1])[:10]) == ("1mo", "2021-12-01")


def test_the_likeliest_order_of_three_short_numbers_is_the_one_of_the_shortest_history():
    asked = read(HEAD + "".join(f"{day[2:].replace('-', '.')}{ROW}\n" for day in MORE))

    assert [(question.option, question.guess) for question in asked.questions] == [("dates", "ymd")]
    assert bars(asked)[0] == MORE


CLOCKS = [
    (("0", "100", "200", "1000", "93000"), "T09:30:00"),  # hhmmss without its zeros
    (("0", "100", "200", "930", "1000"), "T10:00:00"),  # hhmm without its zeros
]


@pytest.mark.parametrize(("clocks", "last"), CLOCKS)
def test_clocks_that_a_spreadsheet_took_the_zeros_from_are_read_by_their_longest(clocks, last):
    head = "Date,Time,Open,High,Low,Close,Volume\n"

    dataset = read(head + "".join(f"20220103,{clock}{ROW}\n" for clock in clocks)).symbols[0].dataset

    assert str(dataset.bars.times[-1])[10:] == last


def test_a_row_without_its_date_or_its_ticker_is_refused_and_not_dropped():
    with pytest.raises(InvalidFile, match="line 3, date: the date is missing"):
        read(HEAD + LINES[0] + "\n" + ROW + "\n" + LINES[1] + "\n")
    with pytest.raises(InvalidFile, match="line 3, ticker: the ticker is missing"):
        read("Ticker," + HEAD + f"AAPL,{LINES[0]}\n,{LINES[1]}\n")


def test_closes_of_several_tickers_beside_each_other_are_asked_about_and_read():
    text = "Date,AAPL,MSFT,Note\n" + "".join(f"{day},1,2,x\n" for day in MORE)

    asked = read_prices(text.encode(), file="f.csv", ask=False)

    closes = [(found.dataset.symbol, float(found.dataset.bars.close[0, 0])) for found in asked.symbols]
    assert closes == [("AAPL", 1.0), ("MSFT", 2.0)]
    assert [question.option for question in asked.questions] == ["close_only"]


def minutes(day, step, count):
    return "".join(
        f"2022-01-{day:02d} {at // 60:02d}:{at % 60:02d}{ROW}\n" for at in range(0, step * count, step)
    )


@pytest.mark.parametrize(
    ("rows", "kept", "count"),
    [
        (minutes(3, 60, 24) + minutes(4, 1, 60), "1m", 60),
        (minutes(3, 1, 60) + minutes(4, 60, 24), "1h", 24),
        (minutes(3, 5, 200) + minutes(4, 30, 40), "30m", 40),
    ],
)
def test_a_timeframe_within_the_day_that_changes_is_asked_about(rows, kept, count):
    asked = read(HEAD + rows)

    assert [(question.option, question.guess) for question in asked.questions] == [("keep_timeframe", kept)]
    assert (asked.symbols[0].dataset.timeframe, len(asked.symbols[0].dataset)) == (kept, count)


def test_an_early_close_and_a_quiet_market_are_no_change_of_the_timeframe():
    early = minutes(3, 60, 24) + f"2022-01-03 23:59{ROW}\n" + minutes(4, 60, 24)
    quiet = "".join(
        f"2022-01-03 {at // 60:02d}:{at % 60:02d}{ROW}\n" for at in range(1440) if at * 7 % 11 < 2
    )

    assert read(HEAD + early).questions == ()
    assert read(HEAD + quiet + minutes(4, 1, 900)).questions == ()


def test_rows_that_are_left_out_do_not_make_the_bars_longer():
    halted = "".join(f"2022-01-{day:02d},0,0,0,11,0\n" for day in (4, 5, 6))

    dataset = read(HEAD + f"2022-01-03{PRICES}\n" + halted + f"2022-01-07{PRICES}\n").symbols[0].dataset

    assert (len(dataset), dataset.timeframe) == (2, "1d")


@pytest.mark.parametrize("behind", [" €", "€", " EUR", "\u202f€"])
def test_a_currency_behind_the_price_leaves_the_decimal_comma_to_be_found(behind):
    row = ";".join(f"{price}{behind}" for price in ("1.234,50", "1.300,00", "1.200,25", "1.250,75"))
    text = f"Date;Open;High;Low;Close;Volume\n2022-01-31;{row};1.000\n"

    assert bars(read(text))[1] == [1234.5, 1300.0, 1200.25, 1250.75, 1000.0]
