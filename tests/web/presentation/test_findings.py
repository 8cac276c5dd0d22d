import pytest

from web.presentation.findings import finding


@pytest.mark.parametrize(
    ("after", "before", "weekends", "text"),
    [
        ("2001-09-10", "2001-09-17", False, "No bars 11–14 Sep 2001"),
        ("2001-09-10", "2001-09-17", True, "No bars 11–16 Sep 2001"),
        ("2024-11-27T16:00:00", "2024-12-03T09:30:00", True, "No bars 28 Nov – 2 Dec 2024"),
        ("2000-12-27", "2001-01-04", False, "No bars 28 Dec 2000 – 3 Jan 2001"),
        ("2024-01-04", "2024-01-06", True, "No bars 5 Jan 2024"),
    ],
)
def test_a_gap_is_named_by_the_days_without_bars(after, before, weekends, text):
    assert finding({"after": after, "before": before, "days": 7.0}, weekends) == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"date": "2024-01-04"}, "2024-01-04"),
        ({"date": "2024-01-04T09:31:00", "return": -0.0492}, "2024-01-04 09:31: \u22124.92%"),
        (
            {"date": "2014-06-09", "return": -0.8571, "ratio": 7.0, "looks_like": "7:1"},
            "2014-06-09: \u221285.71%, looks like a 7:1 split",
        ),
    ],
)
def test_a_finding_at_a_bar_names_its_day_and_what_was_found(item, text):
    assert finding(item, weekends=False) == text
