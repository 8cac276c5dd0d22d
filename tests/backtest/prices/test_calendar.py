"""Sessions and years of markets, decided by the whole history of their bars."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.prices.calendar import Sessions, Year, distinct, length_in, periods_per_year, trades_weekends
from backtest.prices.quality import find_gaps
from tests.backtest.price_bars import bars, walk

DAYS = np.arange("2010-01-01", "2020-01-01", dtype="datetime64[D]").astype("datetime64[s]")


def on(*weekdays):
    """The days of ten years that fall on these weekdays, Monday 0."""
    return DAYS[np.isin((DAYS.astype("datetime64[D]").astype(int) + 3) % 7, weekdays)]


def hours(zone, opens, closes, *, week=((0, 5),), first="2023-01-02", last="2024-07-01", step=60):
    """Times, in UTC, of bars that begin from `opens` until before `closes` on the clock of a zone.

    `week` are ranges of (day of the week, days) and clocks are minutes from that day's midnight on.
    """
    place = ZoneInfo(zone)
    found = []
    for day in np.arange(first, last, dtype="datetime64[D]"):
        weekday = (int(day.astype(int)) + 3) % 7
        if not any(start <= weekday < start + days for start, days in week):
            continue
        for minute in range(opens, closes, step):
            date = (day + np.timedelta64(minute // 1440, "D")).astype(object)
            clock = datetime(date.year, date.month, date.day, minute % 1440 // 60, minute % 60, tzinfo=place)
            found.append(clock.astimezone(UTC).replace(tzinfo=None))
    return np.unique(np.array(found, "datetime64[s]"))


NEW_YORK = hours("America/New_York", 570, 960)
SEOUL = hours("Asia/Seoul", 540, 930)
SYDNEY = hours("Australia/Sydney", 600, 960)
EXTENDED = hours("America/New_York", 240, 1200)  # until 1:00 UTC of the next day in winter
FUTURES = hours("America/New_York", 18 * 60, (24 + 17) * 60, week=((6, 1), (0, 4)))  # closed 17:00 to 18:00
CURRENCIES = hours(
    "America/New_York", 17 * 60, (24 + 17) * 60, week=((6, 1), (0, 4))
)  # never closed within the week
COINS = np.arange("2023-01-01", "2024-07-01", dtype="datetime64[h]").astype("datetime64[s]")


@pytest.mark.parametrize(
    ("times", "bars_a_session"),
    [(NEW_YORK, 7), (SEOUL, 7), (SYDNEY, 6), (EXTENDED, 16), (FUTURES, 23), (CURRENCIES, 24)],
    ids=["new york", "seoul", "sydney", "extended hours", "futures", "currencies"],
)
def test_a_week_has_five_sessions_whatever_the_clock_of_the_market(times, bars_a_session):
    year = Year.of(times, "1h")

    weeks = (times[-1] - times[0]).astype(int) / 604_800
    assert year.sessions.count(times) == pytest.approx(5 * weeks, abs=4)
    assert year.bars_per_period == pytest.approx(bars_a_session, rel=0.02)
    assert year.periods == 252
    assert year.fits
    assert year.bars == 252 * year.bars_per_period


@pytest.mark.parametrize("times", [FUTURES, CURRENCIES, SYDNEY, EXTENDED])
def test_the_bars_of_a_session_are_those_of_one_day_of_the_exchange(times):
    sessions = Sessions.of(times)
    ends = sessions.closes(times)[1:]

    begins = times[ends[:-1] + 1]
    length = (times[ends[1:]] - begins).astype(int) / 3_600
    assert length.max() <= 23


def test_a_market_that_is_closed_at_midnight_changes_its_session_there():
    assert Sessions.of(NEW_YORK) == Sessions(0)
    assert Sessions.of(SEOUL) == Sessions(0)


def test_a_market_that_never_closes_has_calendar_days_and_a_year_of_365():
    year = Year.of(COINS, "1h")

    assert (year.sessions, year.periods, year.bars) == (Sessions(0), 365, 365 * 24)


@given(st.integers(0, len(CURRENCIES) - 300), st.integers(200, 3_000))
def test_a_part_of_the_history_has_the_sessions_that_the_whole_has(first, count):
    sessions = Sessions.of(CURRENCIES)
    part = CURRENCIES[first : first + count]
    whole = set(CURRENCIES[sessions.closes(CURRENCIES)].tolist())

    ends = part[sessions.closes(part)[1:-1]].tolist()

    assert all(end in whole for end in ends[5:])  # the first week may open an hour away from the next
    assert len(ends) >= len(part) // 24 - 2


def test_a_stored_rule_is_read_as_it_was():
    sessions = Sessions.of(CURRENCIES)

    assert Sessions.from_json(sessions.as_json()) == sessions
    assert Sessions.from_json(None) == Sessions(0)


@pytest.mark.parametrize(
    ("times", "timeframe", "periods", "fits"),
    [
        (on(0, 1, 2, 3, 4), "1d", 252, True),
        (on(6, 0, 1, 2, 3), "1d", 252, True),  # Sunday to Thursday
        (on(0, 1, 2, 3, 4, 5, 6), "1d", 365, True),
        (on(0, 1, 2, 3, 4, 6), "1d", 252, False),  # Sunday evenings as days: 313
        (DAYS[::2], "1d", 365, False),
        (DAYS[::2], "2d", 183, True),
        (DAYS[::3], "3d", 122, True),
        (DAYS[::5], "5d", 73, True),
        (on(0, 1, 2, 3, 4)[::3], "3d", 84, True),
        (DAYS[::7], "1w", 52, True),
        (DAYS[::14], "1w", 52, False),
        (DAYS[::14], "2w", 26, True),
    ],
)
def test_the_closes_of_a_year_are_counted_and_compared_with_those_of_the_market(
    times, timeframe, periods, fits
):
    year = Year.of(times, timeframe)

    assert (year.periods, year.fits) == (periods, fits)
    assert year.counted == pytest.approx(
        (len(times) - 1) / ((times[-1] - times[0]).astype(int) / 86_400) * 365.25
    )
    assert year.bars == (periods if fits else year.counted)


def test_a_short_history_is_not_counted():
    assert Year.of(on(0, 1, 2, 3, 4)[:100], "1d").counted is None
    assert Year.of(DAYS[:1], "1d") == Year(252, None)


@given(st.integers(0, 700), st.integers(7, 2_000))
def test_no_range_of_a_market_from_sunday_to_thursday_makes_it_one_without_weekends(first, count):
    assert not trades_weekends(on(6, 0, 1, 2, 3)[first : first + count])


@given(st.integers(1, 6), st.integers(21, 700))
def test_every_nth_day_of_a_market_without_weekends_is_seen_as_such(days, count):
    times = DAYS[::days][:count]

    assert trades_weekends(times)
    assert periods_per_year(times, f"{days}d") == int(365 / days + 0.5)


def test_the_length_of_a_bar_is_read_from_its_name():
    assert [length_in(name, "d") for name in ("1d", "3d", "12h", "1w", "1mo")] == [1, 3, 0, 0, 0]
    assert length_in("2w", "w") == 2


@pytest.mark.parametrize(("timeframe", "step"), [("2d", 2), ("3d", 3), ("5d", 5), ("2w", 14)])
def test_bars_of_several_days_have_gaps_where_two_of_them_are_missing(timeframe, step):
    times = DAYS[::step][:100]
    holed = np.delete(times, [40, 41, 42])

    assert len(find_gaps(times, timeframe)) == 0
    assert find_gaps(bars(walk(97), times=holed, timeframe=timeframe).times, timeframe).tolist() == [40]


def test_different_times_come_in_their_order_and_none_of_no_times():
    times = np.array(["2022-01-05", "2022-01-03", "2022-01-05", "2022-01-04"], "datetime64[s]")

    assert distinct(times).astype("datetime64[D]").astype(str).tolist() == [
        f"2022-01-0{day}" for day in (3, 4, 5)
    ]
    assert len(distinct(times[:0])) == 0
