"""The failure that a step leaves is not trusted: it is one, cut to what a row holds, or none."""

import pytest

from workflows.failures import Failure


def test_a_failure_is_read_as_it_was_left():
    assert Failure.from_json({"error_code": "no_prices", "error_message": "가 None."}) == Failure(
        "no_prices", "가 None."
    )


@pytest.mark.parametrize(
    "content",
    [None, [], {}, {"error_code": "x"}, {"error_message": "x"}, {"error_code": 1, "error_message": "x"},
     {"error_code": "x", "error_message": None}, {"error_code": "X y", "error_message": "x"},
     {"error_code": "x" * 65, "error_message": "x"}],
)  # fmt: skip
def test_what_is_no_failure_is_refused(content):
    with pytest.raises(ValueError, match="error_code"):
        Failure.from_json(content)


def test_a_message_is_cut_to_what_every_database_stores():
    message = "a\ud800\0" + "가" * 100_000

    kept = Failure.from_json({"error_code": "x", "error_message": message}).message

    assert kept.startswith("a\\ud800가")
    assert len(kept) < 5_000
