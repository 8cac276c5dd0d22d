"""A daily bar with a clock is the exchange's day, whatever zone its export writes."""

import numpy as np
import pytest

from backtest.prices.reading.options import ReadOptions
from backtest.prices.reading.reader import read_prices

WEEKDAYS = np.arange("2022-01-03", "2022-12-31", dtype="datetime64[D]")
WEEKDAYS = WEEKDAYS[np.is_busday(WEEKDAYS)]
SUNDAY_TO_THURSDAY = WEEKDAYS - 1
EVERY_DAY = np.arange("2022-01-03", "2022-12-31", dtype="datetime64[D]")


def read(stamps, **options):
    text = "Date,Open,High,Low,Close,Volume\n" + "".join(f"{stamp},2,3,1,2,9\n" for stamp in stamps)
    reading = read_prices(text.encode(), file="f.csv", symbol="ACME", options=ReadOptions(**options))
    return reading.symbols[0].dataset


def clocked(days, clock):
    return [f"{day} {clock}" for day in days]


def unix(days, hours):
    return [
        int((day.astype("datetime64[s]") + np.timedelta64(int(hours * 3600), "s")).astype(int))
        for day in days
    ]


CASES = {
    "plain days": (WEEKDAYS, WEEKDAYS),
    "midnight with an offset": (clocked(WEEKDAYS, "00:00:00+09:00"), WEEKDAYS),
    "close of the exchange on its own clock": (clocked(WEEKDAYS, "16:00:00"), WEEKDAYS),
    "close of the exchange with its offset": (clocked(WEEKDAYS, "16:00:00-05:00"), WEEKDAYS),
    "open of New York in UTC": (unix(WEEKDAYS, 14.5), WEEKDAYS),
    "five in the morning UTC": (clocked(WEEKDAYS, "05:00:00+00:00"), WEEKDAYS),
    "futures that open the evening before": (unix(WEEKDAYS - 1, 23), WEEKDAYS),
    "midnight in Seoul, in UTC": (unix(WEEKDAYS - 1, 15), WEEKDAYS),
    "midnight in Sydney, in UTC": (clocked(WEEKDAYS - 1, "13:00:00Z"), WEEKDAYS),
    "Tel Aviv, Sunday to Thursday": (clocked(SUNDAY_TO_THURSDAY, "00:00:00+02:00"), SUNDAY_TO_THURSDAY),
    "Tel Aviv, its open in UTC": (unix(SUNDAY_TO_THURSDAY, 7.75), SUNDAY_TO_THURSDAY),
    "Riyadh, its open in UTC": (unix(SUNDAY_TO_THURSDAY, 7), SUNDAY_TO_THURSDAY),
    "crypto at midnight UTC": (unix(EVERY_DAY, 0), EVERY_DAY),
}


@pytest.mark.parametrize("name", CASES)
def test_a_daily_bar_belongs_to_the_day_of_its_exchange(name):
    stamps, days = CASES[name]

    dataset = read(stamps)

    assert dataset.timeframe == "1d"
    np.testing.assert_array_equal(dataset.bars.times.astype("datetime64[D]"), days)


def test_a_clock_that_moves_with_summer_time_changes_no_day():
    summer = (np.datetime64("2022-03-13") <= WEEKDAYS) & (np.datetime64("2022-11-06") > WEEKDAYS)
    stamps = [unix([day], 13.5 if light else 14.5)[0] for day, light in zip(WEEKDAYS, summer, strict=True)]

    np.testing.assert_array_equal(read(stamps).bars.times.astype("datetime64[D]"), WEEKDAYS)


def test_plain_days_and_midnights_with_an_offset_may_stand_in_one_file():
    stamps = [*WEEKDAYS[:100], *clocked(WEEKDAYS[100:], "00:00:00-04:00")]

    np.testing.assert_array_equal(read(stamps).bars.times.astype("datetime64[D]"), WEEKDAYS)


@pytest.mark.parametrize(
    ("scale", "first"), [(1, 997394400), (1000, 997394400000), (10**6, 997394400 * 10**6)]
)
def test_unix_times_are_read_in_every_unit(scale, first):
    stamps = [first + scale * 3600 * hour for hour in range(5)]

    assert str(read(stamps).bars.times[0]) == "2001-08-09T22:00:00"


def test_unix_times_before_1970_and_of_any_length_are_read():
    dataset = read(unix(np.arange("1968-01-01", "1974-01-01", dtype="datetime64[D]"), 0))

    assert str(dataset.bars.times[0])[:10] == "1968-01-01"
    assert str(dataset.bars.times[-1])[:10] == "1973-12-31"


def test_bars_shorter_than_a_day_keep_their_moments():
    dataset = read(clocked(["2022-01-03"], "09:30:00-05:00") + clocked(["2022-01-03"], "10:30:00-05:00"))

    assert (dataset.timeframe, str(dataset.bars.times[0])) == ("1h", "2022-01-03T14:30:00")


@pytest.mark.parametrize(
    ("clock", "hour"), [("12:30 AM", 0), ("1:30 PM", 13), ("12:30 pm", 12), ("11:30AM", 11)]
)
def test_clocks_of_twelve_hours_are_read(clock, hour):
    dataset = read([f"2022-01-03 {clock}", "2022-01-03 15:45:00"])

    assert str(dataset.bars.times[0]) == f"2022-01-03T{hour:02d}:30:00"
