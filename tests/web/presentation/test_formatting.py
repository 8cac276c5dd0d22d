"""Numbers, times and words as people read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from web.presentation import formatting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formatting.number(1234.5), "1,234.50"),
        (formatting.number(-0.004), "0.00"),
        (formatting.number(-3, 0), "\u22123"),
        (formatting.number(0.5, 1, sign=True), "+0.5"),
        (formatting.number(None), "–"),
        (formatting.percent(0.12345), "12.35%"),
        (formatting.percent(-0.5, 0, sign=True), "\u221250%"),
        (formatting.points(7.5), "7.50%"),
        (formatting.money(1_500_000.7), "1,500,001"),
        (formatting.money(999.999), "1,000.00"),
        (formatting.figure(12, "bars"), "12 bars"),
        (formatting.figure(1.0, "days"), "1 day"),
        (formatting.figure(39.4, "bars"), "39.4 bars"),
        (formatting.figure(946.0, "days"), "946 days"),
        (formatting.figure(1234, "count"), "1,234"),
        (formatting.apart(-0.0123, "percent"), "\u22121.23 pp"),
        (formatting.apart(-1.2871, "percent"), "\u2212128.7 pp"),
        (formatting.apart(-7.5, "points"), "\u22127.50 pp"),
        (formatting.apart(0.25, "ratio"), "+0.25"),
        (formatting.words("next_open"), "Next open"),
        (formatting.words("end_of_data"), "Open at end"),
        (formatting.probability(0.594), "59%"),
        (formatting.probability(0.9999), "> 99%"),
        (formatting.probability(0.0001), "< 1%"),
        (formatting.sentence("try again"), "Try again."),
        (formatting.sentence("Try again."), "Try again."),
        (formatting.sentence("did you mean SPY?"), "Did you mean SPY?"),
        (formatting.rejection("direction", "long_only"), "Ignored: long only"),
        (formatting.rejection("no_cash", "long_only"), "Rejected: no cash left"),
        (formatting.interval("1d"), "daily"),
        (formatting.interval("5m"), "5-minute"),
        (formatting.interval("4h"), "4-hour"),
        (formatting.words("FAILED"), "Failed"),
    ],
)
def test_a_figure_reads_as_people_write_it(text, expected):
    assert text == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0234, "23 ms"),
        (1.04, "1.0 s"),
        (59.94, "59.9 s"),
        (61, "1 min 1 s"),
        (3_725, "1 h 2 min"),
        (None, "–"),
    ],
)
def test_a_duration_reads_as_people_say_it(seconds, text):
    assert formatting.seconds(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 5, 6, tzinfo=UTC), "2024-05-06"),
        (datetime(2024, 5, 6, 15, 30, tzinfo=UTC), "2024-05-06 15:30"),
        ("2024-05-06T00:00:00Z", "2024-05-06"),
        ("2024-05-06 09:31:00", "2024-05-06 09:31"),
        (None, "–"),
    ],
)
def test_a_bar_is_named_by_its_day_and_by_its_time_where_it_has_one(value, text):
    assert formatting.day(value) == text


def test_a_moment_is_told_in_utc_whatever_its_zone():
    seoul = timezone(timedelta(hours=9))

    assert formatting.moment(datetime(2024, 5, 6, 3, 4, 5, tzinfo=seoul)) == "2024-05-05 18:04:05"


@pytest.mark.parametrize(("value", "tone"), [(1, "gain"), (-1, "loss"), (0, ""), (None, "")])
def test_gains_and_losses_have_their_tone_and_nothing_has_none(value, tone):
    assert formatting.tone(value) == tone
