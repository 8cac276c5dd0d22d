import pytest

from backtest.plural import counted


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bars"), (1, "1 bar"), (2, "2 bars"), (1204, "1,204 bars")],
)
def test_a_count_agrees_with_its_noun(count, text):
    assert counted(count, "bar") == text


def test_a_plural_that_is_more_than_an_s_is_given():
    assert counted(1, "bar looks suspect", "bars look suspect") == "1 bar looks suspect"
    assert counted(2, "bar looks suspect", "bars look suspect") == "2 bars look suspect"
