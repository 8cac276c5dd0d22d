"""The same prices written in many styles are read back equal, to the last bit."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.prices.reading.options import ReadOptions
from backtest.prices.reading.reader import read_prices

DATES = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%m/%d/%Y", "%d.%m.%Y",
         "%Y-%m-%d 00:00:00+00:00", "%m/%d/%Y 16:00:00", "%Y-%m-%dT00:00:00Z",
         "%Y년 %m월 %d일", "unix", "milliseconds"]  # fmt: skip
HEADERS = ["Date,Open,High,Low,Close,Volume", "date,o,h,l,c,v", "timestamp,1. open,2. high,3. low,4. close,5. volume",
           "날짜,시가,고가,저가,종가,거래량", "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
           "DateTime,ACME.Open,ACME.High,ACME.Low,ACME.Close,ACME.Volume"]  # fmt: skip
cents = st.integers(100, 9_999_999)


@st.composite
def markets(draw):
    count = draw(st.integers(2, 30))
    low = np.array(draw(st.lists(cents, min_size=count, max_size=count)), float)
    high = low + np.array(draw(st.lists(st.integers(0, 999), min_size=count, max_size=count)))
    opened = low + np.floor((high - low) * draw(st.floats(0, 1)))
    close = low + np.floor((high - low) * draw(st.floats(0, 1)))
    # days beyond the twelfth, so that day and month are never in doubt
    days = np.arange("2015-03-13", "2015-03-31", dtype="datetime64[D]")
    days = np.concatenate([days, days + 31])[:count]
    return days, np.column_stack([opened, high, low, close]) / 100, draw(st.integers(0, 10**9))


def written(day, style):
    seconds = int(day.astype("datetime64[s]").astype(int))
    if style in ("unix", "milliseconds"):
        return str(seconds if style == "unix" else seconds * 1000)
    return day.astype("O").strftime(style)


def number(value, *, decimal, thousands, currency, places=2):
    text = f"{value:,.{places}f}" if thousands else f"{value:.{places}f}"
    return currency + (text.translate(str.maketrans(",.", ".,")) if decimal == "," else text)


@settings(max_examples=200, deadline=None)
@given(
    market=markets(), date=st.sampled_from(DATES), header=st.sampled_from(HEADERS), separator=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"), thousands=st.booleans(), currency=st.sampled_from(["", "$", "₩"]),
    newest_first=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
    before=st.sampled_from(["", "Prices of ACME\n", "Prices,of,ACME\n\n"]),
)  # fmt: skip
def test_prices_written_in_any_style_are_read_back_equal(
    market, date, header, separator, decimal, thousands, currency, newest_first, encoding, end, before
):
    days, prices, volume = market
    if separator == ",":
        decimal = "."
    rows = [
        [written(day, date), *(number(v, decimal=decimal, thousands=thousands, currency=currency) for v in row),
         number(volume, decimal=decimal, thousands=thousands, currency="", places=0)]
        for day, row in zip(days, prices, strict=True)
    ]  # fmt: skip
    lines = [header.replace(",", separator)]
    lines += [separator.join(f'"{c}"' if separator in c or "," in c else c for c in row)
              for row in (rows[::-1] if newest_first else rows)]  # fmt: skip
    text = (before + "\n".join(lines) + "\n").replace("\n", end)

    reading = read_prices(
        text.encode(encoding), file="f.csv", symbol="ACME",
        options=ReadOptions(decimal=decimal, header="auto"),
    )  # fmt: skip

    bars = reading.symbols[0].dataset.bars
    np.testing.assert_array_equal(bars.times.astype("datetime64[D]"), days)
    for place, name in enumerate(("open", "high", "low", "close")):
        np.testing.assert_array_equal(getattr(bars, name)[:, 0], prices[:, place], err_msg=name)
    np.testing.assert_array_equal(bars.volume[:, 0], np.full(len(days), float(volume)))


@settings(max_examples=50, deadline=None)
@given(
    market=markets(),
    zone=st.sampled_from([None, "UTC", "America/New_York", "Asia/Seoul"]),
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_prices_of_a_parquet_file_are_read_back_equal(market, zone, unit):
    days, prices, volume = market
    stamps = pa.array(days.astype("datetime64[s]")).cast(pa.timestamp(unit))
    if zone:
        stamps = pa.compute.assume_timezone(stamps, zone)
    columns = {name: prices[:, place] for place, name in enumerate(("Open", "High", "Low", "Close"))}
    buffer = io.BytesIO()
    pq.write_table(pa.table({"Date": stamps, **columns, "Volume": np.full(len(days), volume)}), buffer)

    bars = read_prices(buffer.getvalue(), file="f.parquet", symbol="ACME").symbols[0].dataset.bars

    np.testing.assert_array_equal(bars.times.astype("datetime64[D]"), days)
    np.testing.assert_array_equal(bars.close[:, 0], prices[:, 3])
