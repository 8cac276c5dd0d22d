"""The same bars in files of each kind that is easily misread: read back equal, repaired as stated, or asked about."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.prices.reading.options import ReadOptions
from backtest.prices.reading.reader import read_prices

FIELDS = ("open", "high", "low", "close", "volume")
HEAD = "Date,Open,High,Low,Close,Volume\n"
WEEKDAYS = np.arange("2021-01-04", "2021-12-25", dtype="datetime64[D]")
WEEKDAYS = WEEKDAYS[np.is_busday(WEEKDAYS)]
EACH = settings(max_examples=20, deadline=None)


def made(count, seed=0):
    """Open, high, low, close and volume of bars, (T, 5); prices with two decimals."""
    random = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.01, count))), 2)
    opened = np.round(close * (1 + random.normal(0, 0.004, count)), 2)
    high = np.maximum(opened, close) + random.integers(1, 90, count) / 100
    low = np.minimum(opened, close) - random.integers(1, 90, count) / 100
    return np.column_stack(
        [opened, np.round(high, 2), np.round(low, 2), close, random.integers(1, 10**7, count)]
    )


def row(stamp, values):
    return f"{stamp},{','.join(f'{value:.12g}' for value in values)}\n"


def written(stamps, bars, head=HEAD):
    return head + "".join(row(stamp, values) for stamp, values in zip(stamps, bars, strict=True))


def read(text, symbol="ACME", **options):
    return read_prices(text.encode(), file="f.csv", symbol=symbol, ask=False, options=ReadOptions(**options))


def table(dataset):
    return np.column_stack([getattr(dataset.bars, name)[:, 0] for name in FIELDS])


def days(dataset):
    return dataset.bars.times.astype("datetime64[D]")


# --- unix times -----------------------------------------------------------------------------------


@EACH
@given(
    first=st.integers(-80_000, -1_000) | st.integers(1_000, 70_000),  # days from 1970, 1750 to 2161
    unit=st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]),
    style=st.sampled_from(["{}", "{}.0", '"{}"', " {} "]),
    is_newest_first=st.booleans(),
)
def test_unix_times_of_any_sign_and_unit_are_days(first, unit, style, is_newest_first):
    wanted = (np.arange(first, first + 25)).astype("datetime64[D]")
    bars = made(25)
    floats_hold = abs(first) * 86_400 * unit < 2**53
    style = style if floats_hold else "{}"
    stamps = [style.format(int(day.astype(int)) * 86_400 * unit) for day in wanted]
    lines = written(stamps, bars).splitlines(keepends=True)
    text = lines[0] + "".join(lines[:0:-1] if is_newest_first else lines[1:])

    dataset = read(text).symbols[0].dataset

    np.testing.assert_array_equal(days(dataset), wanted)
    np.testing.assert_array_equal(table(dataset), bars)


# --- several tickers ------------------------------------------------------------------------------


def long(markets, head, *, by_day):
    rows = [
        (day, name, values)
        for name, (stamps, bars) in markets.items()
        for day, values in zip(stamps, bars, strict=True)
    ]
    if by_day:
        rows.sort(key=lambda found: (found[0], found[1]))
    return head + "".join(f"{name},{row(day, values)}" for day, name, values in rows)


def wide(markets, name_of):
    every = sorted(set().union(*(stamps.tolist() for stamps, _ in markets.values())))
    columns = [name_of(name, field) for name in markets for field in FIELDS]
    values = {name: dict(zip(stamps.tolist(), bars, strict=True)) for name, (stamps, bars) in markets.items()}
    lines = [",".join(["Date", *columns])]
    for day in every:
        cells = [
            f"{values[name][day][place]:.12g}" if day in values[name] else ""
            for name in markets
            for place in range(5)
        ]
        lines.append(",".join([str(day), *cells]))
    return "\n".join(lines) + "\n"


def three_lines(markets):
    text = wide(markets, lambda name, field: field.title())
    first, rest = text.split("\n", 1)
    tickers = ",".join(["Ticker", *(name for name in markets for _ in FIELDS)])
    return f"Price{first[4:]}\n{tickers}\nDate{',' * (5 * len(markets))}\n{rest}"


LAYOUTS = {
    "long, one after the other": lambda m: long(m, "ticker,date,open,high,low,close,volume\n", by_day=False),
    "long, day by day": lambda m: long(m, "Symbol,Date,Open,High,Low,Close,Volume\n", by_day=True),
    "long, Korean": lambda m: long(m, "종목코드,일자,시가,고가,저가,종가,거래량\n", by_day=True),
    "wide, AAPL.Open": lambda m: wide(m, lambda name, field: f"{name}.{field.title()}"),
    "wide, Open_AAPL": lambda m: wide(m, lambda name, field: f"{field.title()}_{name}"),
    "wide, AAPL open": lambda m: wide(m, lambda name, field: f"{name} {field}"),
    "wide, AAPL_CLOSE": lambda m: wide(m, lambda name, field: f"{name}_{field.upper()}"),
    "wide, pairs of pandas": lambda m: wide(m, lambda name, field: f"\"('{field.title()}', '{name}')\""),
    "three header lines": three_lines,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=8, deadline=None)
@given(
    tickers=st.lists(
        st.sampled_from(["AAPL", "MSFT", "BRK-B", "005930", "EWG", "TSLA"]),
        min_size=2,
        max_size=4,
        unique=True,
    ),
    starts=st.lists(st.integers(0, 60), min_size=4, max_size=4),
    count=st.integers(12, 40),
)
def test_several_tickers_are_as_many_symbols_in_every_layout(layout, tickers, starts, count):
    markets = {
        name: (WEEKDAYS[start : start + count], made(count, seed=start + 100 * place))
        for place, (name, start) in enumerate(zip(tickers, starts, strict=False))
    }

    reading = read(LAYOUTS[layout](markets), symbol=None)

    found = {prices.dataset.symbol: prices.dataset for prices in reading.symbols}
    assert set(found) == set(markets)
    for name, (stamps, bars) in markets.items():
        np.testing.assert_array_equal(days(found[name]), stamps)
        np.testing.assert_array_equal(table(found[name]), bars)


# --- rows that are repaired or left out -----------------------------------------------------------

LEFT_OUT = {
    "empty": lambda day, bar: f"{day},,,,,\n",
    "zeros": lambda day, bar: f"{day},0,0,0,0,0\n",
    "halted": lambda day, bar: f"{day},0,0,0,{bar[3]:.12g},0\n",
    "incomplete": lambda day, bar: f"{day},{bar[0]:.12g},,{bar[2]:.12g},{bar[3]:.12g},5\n",
}


@EACH
@given(
    rule=st.sampled_from(sorted(LEFT_OUT)), at=st.sets(st.integers(0, 39), min_size=1, max_size=20),
    nothing=st.sampled_from(["", "null", "NaN", "-", "N/A", "–"]),
)  # fmt: skip
def test_rows_without_prices_are_left_out_and_counted_wherever_they_stand(rule, at, nothing):
    bars, stamps = made(40), WEEKDAYS[:40]
    empty = f",{nothing},{nothing},{nothing},{nothing},{nothing}\n"
    text = HEAD + "".join(
        (LEFT_OUT[rule](day, values).replace(",,,,,\n", empty) if place in at else row(day, values))
        for place, (day, values) in enumerate(zip(stamps, bars, strict=True))
    )

    (prices,) = read(text).symbols

    kept = np.setdiff1d(np.arange(40), sorted(at))
    np.testing.assert_array_equal(days(prices.dataset), stamps[kept])
    np.testing.assert_array_equal(table(prices.dataset), bars[kept])
    assert {repair.rule: repair.count for repair in prices.repairs} == {rule: len(at)}
    assert prices.dataset.timeframe == "1d"


@EACH
@given(
    at=st.sets(st.integers(0, 29), min_size=1),
    share=st.sampled_from([1e-16, 1e-12, 1e-7, 0.001, 0.15]),
    side=st.booleans(),
)
def test_a_range_that_misses_open_or_close_is_widened_and_counted_by_how_much_it_misses(at, share, side):
    bars, stamps = made(30), WEEKDAYS[:30]
    place = 1 if side else 2
    edge = np.maximum(bars[:, 0], bars[:, 3]) if side else np.minimum(bars[:, 0], bars[:, 3])
    wrong, rows = bars.copy(), sorted(at)
    wrong[rows, place] = np.nextafter(edge[rows] * (1 - share if side else 1 + share), 0 if side else np.inf)
    other = (bars[:, 2] < wrong[:, 1]) if side else (bars[:, 1] > wrong[:, 2])
    rows = [row for row in rows if other[row]]
    wrong[[row for row in at if row not in rows]] = bars[[row for row in at if row not in rows]]
    text = HEAD + "".join(
        f"{day},{','.join(repr(float(value)) for value in values)}\n"
        for day, values in zip(stamps, wrong, strict=True)
    )

    (prices,) = read(text).symbols

    expected = bars.copy()
    expected[rows, place] = edge[rows]
    np.testing.assert_array_equal(table(prices.dataset), expected)
    rule = "rounding" if share < 1e-6 else "widened"
    assert {repair.rule: repair.count for repair in prices.repairs} == ({rule: len(rows)} if rows else {})


# --- adjusted prices ------------------------------------------------------------------------------

ADJUSTED = [
    "Adj Close", "Adj. Close", "adjClose", "adjusted_close", "Adjusted Close", "5. adjusted close", "Close (adj)",
    "closeadj",
    "Close Adjusted", "Adj Close**", "ADJ_CLOSE", "Adj Close Price", "수정종가", "수정주가", "Adjusted", "adjClose (USD)",
]  # fmt: skip


@EACH
@given(
    name=st.sampled_from(ADJUSTED),
    factor=st.sampled_from([1.0, 0.5, 0.05, 0.987, 20.0]),
    is_used=st.booleans(),
)
def test_an_adjusted_close_of_any_spelling_scales_every_price_unless_it_is_left_unused(name, factor, is_used):
    bars, stamps = made(30), WEEKDAYS[:30]
    text = HEAD.strip() + f",{name}\n" + "".join(
        row(day, [*values, values[3] * factor]) for day, values in zip(stamps, bars, strict=True)
    )  # fmt: skip

    reading = read(text, adjusted="auto" if is_used else "no")

    scaled = bars.copy()
    scaled[:, :4] *= factor if is_used else 1.0
    np.testing.assert_allclose(table(reading.symbols[0].dataset), scaled, rtol=1e-10)
    assert (reading.adjusted is not None) == is_used
    assert name in (reading.adjusted or name)
    assert reading.remarks == () or not is_used


# --- daily bars with a clock ----------------------------------------------------------------------

ZONES = ["America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Asia/Kolkata", "Asia/Seoul",
         "Asia/Tokyo", "Asia/Hong_Kong", "Australia/Sydney"]  # fmt: skip


def moments(stamps, zone, hour, minute):
    return [
        datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))
        for day in stamps.astype("O").tolist()
    ]


CLOCKS = {
    "offset": lambda moment: moment.isoformat(sep=" "),
    "UTC": lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "unix": lambda moment: str(int(moment.timestamp())),
    "milliseconds": lambda moment: str(int(moment.timestamp()) * 1_000),
    "local": lambda moment: moment.strftime("%Y-%m-%d %H:%M"),
    "AM and PM": lambda moment: moment.strftime("%d-%b-%Y %I:%M %p"),
}


@pytest.mark.parametrize("clock", CLOCKS)
@settings(max_examples=12, deadline=None)
@given(
    zone=st.sampled_from(ZONES), time=st.sampled_from([(0, 0), (9, 30), (16, 0)]), first=st.integers(0, 150)
)
def test_a_daily_bar_is_the_day_of_its_exchange_in_every_zone_and_clock(clock, zone, time, first):
    stamps, bars = WEEKDAYS[first : first + 100], made(min(100, len(WEEKDAYS) - first))

    dataset = (
        read(written([CLOCKS[clock](moment) for moment in moments(stamps, zone, *time)], bars))
        .symbols[0]
        .dataset
    )

    np.testing.assert_array_equal(days(dataset), stamps)
    assert dataset.timeframe == "1d"
    np.testing.assert_array_equal(table(dataset), bars)


# --- a timeframe that changes ---------------------------------------------------------------------

LENGTHS = {"1m": 60, "5m": 300, "30m": 1_800, "1h": 3_600, "4h": 14_400, "1d": 86_400, "1w": 604_800}


PAIRS = [
    (a, b) for a in LENGTHS for b in LENGTHS if max(LENGTHS[a] / LENGTHS[b], LENGTHS[b] / LENGTHS[a]) >= 5
]


@EACH
@given(
    pair=st.sampled_from(PAIRS),
    counts=st.tuples(st.integers(15, 40), st.integers(15, 40)),
)  # fmt: skip
def test_a_timeframe_that_changes_is_asked_about_and_either_part_can_be_kept(pair, counts):
    first, then = (LENGTHS[name] for name in pair)
    start = np.datetime64("2021-03-01T00:00:00")
    part = start + np.arange(counts[0]) * first
    # the later bars begin where both grids meet
    gap = -(-int((part[-1] - start).astype(int) + first) // 604_800) * 604_800
    later = start + gap + np.arange(counts[1]) * then
    stamps, bars = np.concatenate([part, later]), made(sum(counts))
    text = written([str(stamp).replace("T", " ") for stamp in stamps], bars)

    asked = read(text)

    (question,) = asked.questions
    assert question.option == "keep_timeframe"
    for choice, wanted in zip(question.choices, (part, later), strict=True):
        kept = read(text, keep_timeframe=choice).symbols[0].dataset.bars.times
        # the bar at which one becomes the other may be counted with either
        assert len(np.setxor1d(kept, wanted)) <= 2
