"""Exports of the great price sources, a few rows each as their sites write them: every value is read as meant."""

import numpy as np
import pytest

from backtest.errors import InvalidFile
from backtest.prices.reading.options import ReadOptions
from backtest.prices.reading.reader import read_prices


def read(text, symbol="ACME", encoding="utf-8", **options):
    return read_prices(
        text.encode(encoding), ask=False, file="prices.csv", symbol=symbol, options=ReadOptions(**options)
    )


def bars_of(reading, place=0):
    return reading.symbols[place].dataset.bars


def first(reading):
    bars = bars_of(reading)
    return [float(getattr(bars, name)[0, 0]) for name in ("open", "high", "low", "close", "volume")]


def days(reading, place=0):
    return [str(time)[:10] for time in bars_of(reading, place).times]


EXPORTS = {
    "yfinance, plain": (
        "Date,Close,High,Low,Open,Volume\n1980-12-12,0.0982,0.0986,0.0981,0.0982,469033600\n",
        "1980-12-12", [0.0982, 0.0986, 0.0981, 0.0982, 469033600.0],
    ),
    "yfinance, header of three lines": (
        "Price,Close,High,Low,Open,Volume\nTicker,MSFT,MSFT,MSFT,MSFT,MSFT\nDate,,,,,\n"
        "2024-09-10,408.5,410.6,402.1,402.6,19594300\n",
        "2024-09-10", [402.6, 410.6, 402.1, 408.5, 19594300.0],
    ),
    "Investing.com": (
        '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"\n'
        '"07/23/2026","28,454.81","28,545.98","28,726.62","28,274.52","1.43B","-1.87%"\n',
        "2026-07-23", [28545.98, 28726.62, 28274.52, 28454.81, 1.43e9],
    ),
    "Nasdaq.com": (
        "Date, Close/Last, Volume, Open, High, Low\n10/23/2020, $3204.4, 3466687, $3191, $3205.33, $3140\n",
        "2020-10-23", [3191.0, 3205.33, 3140.0, 3204.4, 3466687.0],
    ),
    "WSJ, two-digit years, no volume": (
        "Date, Open, High, Low, Close\n06/23/26, 7366.51, 7424.17, 7347.60, 7365.46\n",
        "2026-06-23", [7366.51, 7424.17, 7347.6, 7365.46, None],
    ),
    "Google Finance": (
        "Date,Open,High,Low,Close,Volume\n31-Dec-10,31.22,31.33,30.93,31.30,11716389\n",
        "2010-12-31", [31.22, 31.33, 30.93, 31.3, 11716389.0],
    ),
    "Korean header": (
        "날짜,시가,고가,저가,종가,거래량\n1990-01-03,22500,22600,22400,22550,10\n",
        "1990-01-03", [22500.0, 22600.0, 22400.0, 22550.0, 10.0],
    ),
    "Naver, dotted dates behind an index": (
        ",날짜,종가,전일비,시가,고가,저가,거래량\n0,2025.01.15,53700,200,54100,54700,53500,18625025\n",
        "2025-01-15", [54100.0, 54700.0, 53500.0, 53700.0, 18625025.0],
    ),
    "MetaTrader 5": (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2009.09.09\t00:00:00\t1.45684\t1.45734\t1.45300\t1.45472\t20326\t0\t1\n",
        "2009-09-09", [1.45684, 1.45734, 1.453, 1.45472, 20326.0],
    ),
    "semicolons and decimal commas": (
        "Date;open;high;low;close;volume\n13.01.2000;116,03125;116,5;113,0;113,5;1278800\n",
        "2000-01-13", [116.03125, 116.5, 113.0, 113.5, 1278800.0],
    ),
    "decimal commas with points for thousands": (
        'Datum;Open;High;Low;Close;Volume\n31.12.2018;"1.116,5";"1.120,25";"1.100,0";"1.113,5";1.278.800\n',
        "2018-12-31", [1116.5, 1120.25, 1100.0, 1113.5, 1278800.0],
    ),
    "prefixed columns": (
        "Date,AAPL.Open,AAPL.High,AAPL.Low,AAPL.Close,AAPL.Volume,dn\n2015-02-17,127.4,128.8,126.9,127.8,63152400,1\n",
        "2015-02-17", [127.4, 128.8, 126.9, 127.8, 63152400.0],
    ),
    "a line before the header": (
        "Created on 10-17-2019,https://www.example.com\ndate,symbol,open,high,low,close,volume_btc,volume\n"
        "2019-10-17,BTCUSD,7993.54,8070,7937.01,8034.32,1570.08,12537245.82\n",
        "2019-10-17", [7993.54, 8070.0, 7937.01, 8034.32, 12537245.82],
    ),
    "NSE": (
        "Date,Open,High,Low,Last,Close,Total Trade Quantity,Turnover (Lacs)\n"
        "2018-09-28,234.05,235.95,230.2,233.5,233.75,3069914,7162.35\n",
        "2018-09-28", [234.05, 235.95, 230.2, 233.75, 3069914.0],
    ),
    "dates in words": (
        'Date,Open,High,Low,Close,Volume\n"Jan 03, 2018",1,3,1,2,5K\n', "2018-01-03", [1.0, 3.0, 1.0, 2.0, 5000.0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_as_it_is_meant(name):
    text, day, values = EXPORTS[name]

    reading = read(text)

    expected = [np.nan if value is None else value for value in values]
    assert days(reading) == [day]
    np.testing.assert_array_equal(first(reading), expected)
    assert reading.questions == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949"])
def test_a_korean_export_is_read_in_every_encoding_that_exports_use(encoding):
    reading = read(EXPORTS["Korean header"][0], encoding=encoding)

    assert first(reading) == EXPORTS["Korean header"][2]


def test_a_western_export_that_is_no_utf_8_is_read():
    reading = read("Date,Open,High,Low,Close,Währung\n2018-12-31,1,3,1,2,€\n", encoding="cp1252")

    assert (first(reading)[:4], reading.encoding) == ([1.0, 3.0, 1.0, 2.0], "Windows-1252")


NEWEST_FIRST = (
    "timestamp,open,high,low,close,adjusted_close,volume\n2023-05-03,10,12,9,10,5,7\n"
    "2023-05-02,20,22,19,20,10,8\n"
)


def test_rows_newest_first_are_turned_round_and_said_so():
    reading = read(NEWEST_FIRST)

    assert days(reading) == ["2023-05-02", "2023-05-03"]
    assert reading.symbols[0].order == "newest first"


def test_an_adjusted_close_of_any_spelling_scales_all_prices_and_is_said_so():
    spellings = [
        "Adj Close",
        "Adj. Close",
        "adjClose",
        "adjusted_close",
        "Adjusted Close",
        "CloseAdj",
        "수정종가",
        "Adj Close**",
    ]

    for name in spellings:
        reading = read(f"Date,Open,High,Low,Close,{name},Volume\n2023-05-02,20,22,18,20,10,8\n")

        assert first(reading) == [10.0, 11.0, 9.0, 10.0, 8.0], name
        assert reading.adjusted == f"open, high, low and close are scaled by {name}"


def test_an_adjusted_close_may_be_left_unused_and_an_unknown_one_is_pointed_at():
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2023-05-02,20,22,18,20,10,8\n"

    assert first(read(text, adjusted="no"))[:4] == [20.0, 22.0, 18.0, 20.0]
    odd = read(text.replace("Adj Close", "Px adj. for dividends"))
    assert "looks like adjusted prices and is not used" in odd.remarks[0]
    taken = read(text.replace("Adj Close", "Px adj"), columns={"adj_close": "Px adj"})
    assert first(taken)[3] == 10.0


TWO = "ticker,date,open,high,low,close,volume\n{}"
AAPL, MSFT = "AAPL,2014-01-0{},5,6,4,5.5,10\n", "MSFT,2014-01-0{},37,38,36,37.5,20\n"


@pytest.mark.parametrize(
    "rows", [AAPL.format(2) + AAPL.format(3) + MSFT.format(2) + MSFT.format(3),
             AAPL.format(2) + MSFT.format(2) + AAPL.format(3) + MSFT.format(3),
             AAPL.format(2) + AAPL.format(3) + MSFT.format(6) + MSFT.format(7)],
)  # fmt: skip
def test_two_tickers_of_one_file_are_two_symbols_whatever_their_order(rows):
    reading = read(TWO.format(rows), symbol=None)

    assert [prices.dataset.symbol for prices in reading.symbols] == ["AAPL", "MSFT"]
    assert bars_of(reading, 0).close[:, 0].tolist() == [5.5, 5.5]
    assert bars_of(reading, 1).close[:, 0].tolist() == [37.5, 37.5]


def test_one_of_several_tickers_can_be_chosen_and_an_unknown_one_is_refused():
    text = TWO.format(AAPL.format(2) + MSFT.format(2))

    assert [p.dataset.symbol for p in read(text, symbol="MSFT").symbols] == ["MSFT"]
    with pytest.raises(InvalidFile, match="holds no GOOG; it holds AAPL, MSFT"):
        read(text, symbol="GOOG")


def test_columns_of_two_tickers_beside_each_other_are_two_symbols():
    text = (
        "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\n"
        "Ticker,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT\nDate,,,,,,,,,,\n"
        "2024-09-10,2,20,3,30,1,10,2,20,5,50\n"
    )

    reading = read(text, symbol=None)

    assert [p.dataset.symbol for p in reading.symbols] == ["AAPL", "MSFT"]
    assert [float(p.dataset.bars.high[0, 0]) for p in reading.symbols] == [3.0, 30.0]


NO_HEADER = {
    "Kraken": (
        "1381017600,122,123,121,122.5,0.1,1\n1381104000,123,125,122,124,0.2,3\n", "date,open,high,low,close,volume,-",
    ),
    "MetaTrader 4": (
        "2009.09.09,00:00,1.1,1.3,1.0,1.2,20\n2009.09.10,00:00,1.2,1.4,1.1,1.3,30\n",
        "date,clock,open,high,low,close,volume",
    ),
    "Korean, thousands": ('1985-01-04,"6,511","6,521","6,473","6,473","2,232"\n', "date,open,high,low,close,volume"),
    "average price before the volume": ("1381017600,122,123,121,122.5,122.2,9,1\n", "date,open,high,low,close,-,volume,-"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_HEADER)
def test_columns_without_header_are_guessed_and_asked(name):
    text, columns = NO_HEADER[name]

    asked = read(text)
    answered = read(text, columns=tuple(asked.questions[0].guess.split(",")))

    assert [(question.option, question.guess) for question in asked.questions] == [("columns", columns)]
    assert (answered.questions, first(answered)) == ((), first(asked))


def test_prices_in_ten_thousandths_are_asked_about():
    text = "19980102 00:00,973100,975300,965300,973600,2150000\n19980105 00:00,978400,984400,967800,977500,4030800\n"

    asked = read(text)
    whole = read(text, columns=("date", "open", "high", "low", "close", "volume"), divide_by=1)

    assert [question.option for question in asked.questions] == ["columns", "divide_by"]
    assert first(asked)[:4] == [97.31, 97.53, 96.53, 97.36]
    assert (first(whole)[0], whole.questions) == (973100.0, ())


def test_day_and_month_are_decided_by_the_whole_column_or_asked():
    head, row = "Date,Open,High,Low,Close\n", ",1,1,1,1\n"

    by_value = read(head + "01/02/2018" + row + "31/01/2018" + row)
    by_order = read(
        head + "".join(f"0{month}/{day:02d}/2018{row}" for month, day in [(1, 5), (2, 3), (2, 7), (3, 1)])
    )
    unclear = read(head + "01/02/2018" + row)
    answered = read(head + "01/02/2018" + row, dates="dmy")

    assert days(by_value) == ["2018-01-31", "2018-02-01"]
    assert days(by_order) == ["2018-01-05", "2018-02-03", "2018-02-07", "2018-03-01"]
    assert [question.option for question in unclear.questions] == ["dates"]
    assert (days(answered), answered.questions) == (["2018-02-01"], ())


def test_closes_alone_are_asked_about():
    text = "Date,Close\n2018-12-31,5\n2019-01-02,6\n"

    asked, answered = read(text), read(text, close_only="allow")

    assert [question.option for question in asked.questions] == ["close_only"]
    assert (first(answered)[:4], answered.questions) == ([5.0] * 4, ())


def test_a_timeframe_that_changes_is_asked_about():
    months = [f"18{83 + month // 12}-{month % 12 + 1:02d}-01,6,6,6,6,0" for month in range(24)]
    daily = [f"1885-03-{day:02d},4,4,4,4,0" for day in range(2, 28)]
    text = "Date,Open,High,Low,Close,Volume\n" + "\n".join(months + daily) + "\n"

    asked = read(text)
    monthly = read(text, keep_timeframe="1mo")

    assert [question.option for question in asked.questions] == ["keep_timeframe"]
    assert (asked.symbols[0].dataset.timeframe, len(bars_of(asked))) == ("1d", 26)
    assert (monthly.symbols[0].dataset.timeframe, len(bars_of(monthly))) == ("1mo", 24)


def test_every_mistake_is_told_with_its_line_and_the_rest_is_counted():
    rows = [f"2018-01-{day:02d},1,1,1,{'x' if day > 3 else 1},1" for day in range(1, 29)]

    with pytest.raises(InvalidFile) as refused:
        read("Date,Open,High,Low,Close,Volume\n" + "\n".join(rows))

    messages = refused.value.errors
    assert (messages[0].line, messages[0].field) == (5, "close")
    assert "must be a number such as 1234.56, got 'x'" in messages[0].message
    assert messages[-1].message == "and 5 more"


def test_wrong_dates_and_wrong_numbers_are_told_together():
    rows = "2018-01-02,1,1,1,1,1\n2018-13-03,1,1,1,1,1\n2018-01-04,1,x,1,1,y\n"

    with pytest.raises(InvalidFile) as refused:
        read("Date,Open,High,Low,Close,Volume\n" + rows)

    assert [(error.line, error.field) for error in refused.value.errors] == [
        (3, "date"),
        (4, "high"),
        (4, "volume"),
    ]


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('2018-01-01,"10.000000000001,11.000000000001,9.000000000001,10.500000000001,100,', "has a quote"),
        ('"2018-01-01,10,11,9,10.5,100,', "has a quote"),
        ('2018-01-01,10,11,9,10.5,100,"late', "has a quote"),
        ("2018-01-01,x,y,z,w,100,", "must be a number such as 1234.56, got 'x'"),
        ("2O18-01-01,10,11,9,10.5,100,", "must be a date as YYYY-MM-DD"),
        ("2018-01-01", "has 1 columns where the header has 7"),
    ],
)
def test_a_broken_row_is_refused_wherever_it_stands_and_never_taken_for_a_header(place, broken, reason):
    rows = [f"2018-01-{day:02d},10,11,9,10.5,100," for day in range(2, 12)]
    rows.insert(place, broken)

    with pytest.raises(InvalidFile, match=reason) as refused:
        read("Date,Open,High,Low,Close,Volume,Note\n" + "\n".join(rows))

    assert refused.value.errors[0].line == place + 2


def test_quotes_closed_on_their_line_are_read():
    row = '"2018-01-%02d","10","11","9","10.5","1,000","held; ""as is"""'

    reading = read("Date,Open,High,Low,Close,Volume,Note\n" + "\n".join(row % day for day in range(2, 12)))

    assert bars_of(reading).volume[:, 0].tolist() == [1000.0] * 10


def test_a_file_without_prices_says_what_it_holds_and_what_is_needed():
    with pytest.raises(
        InvalidFile, match="neither a header with Date, Open, High, Low, Close nor a row of prices"
    ):
        read("name,age\nalice,3\nbob,4\n")
    with pytest.raises(InvalidFile, match="column is missing; the file has: Date, Open, Close, Volume"):
        read("Date,Open,Close,Volume\n2018-01-01,1,1,1\n")


@pytest.mark.parametrize(
    "name",
    [
        "Adj Close",
        "adj_close",
        "Adj. Close",
        "adjClose",
        "ADJ CLOSE",
        "Adjusted Close",
        "5. adjusted close",
        "Close (adj)",
        "closeadj",
        "Close Adjusted",
        "Adj Close**",
        "Close Price Adjusted",
        "Adj Closing Price",
        "수정종가",
        "수정주가",
        "Split/Dividend Adjusted Close",
    ],
)
def test_an_adjusted_close_is_used_and_told_however_it_is_spelled(name):
    text = (
        f"Date,Open,High,Low,Close,{name},Volume\n2018-01-01,10,12,9,11,5.5,5\n2018-01-02,10,12,9,11,5.5,5\n"
    )

    reading = read(text)

    assert reading.adjusted == f"open, high, low and close are scaled by {name}"
    assert reading.symbols[0].dataset.origin.scales == [reading.adjusted]
    assert first(reading) == [5.0, 6.0, 4.5, 5.5, 5.0]


@pytest.mark.parametrize("name", ["closeunadj", "Unadjusted Close", "close_un_adj"])
def test_an_unadjusted_close_is_not_taken_for_an_adjusted_one(name):
    text = f"Date,Open,High,Low,Close,{name},Volume\n2018-01-01,10,12,9,11,22,5\n2018-01-02,10,12,9,11,22,5\n"

    reading = read(text)

    assert (reading.adjusted, reading.remarks) == (None, ())
    assert first(reading) == [10.0, 12.0, 9.0, 11.0, 5.0]


def test_the_text_of_a_file_is_freed_once_its_columns_are_read():
    text = bytearray(b"Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,10\n2024-01-03,2,3,2,3,10\n")

    reading = read_prices(text, file="prices.csv", symbol="ACME")

    assert (reading.rows, bytes(text)) == (2, b"")
