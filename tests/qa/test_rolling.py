"""What `make roll` does when the machine is too slow for all of its restarts and runs."""

import time
from collections import Counter

import pytest

from qa.harness.environment import TestEnvironment
from qa.load import promises, rolling
from store.models import Status


@pytest.fixture
def environment(tmp_path):
    environment = TestEnvironment(
        f"sqlite:///{tmp_path / 'backtest.sqlite3'}", tmp_path / "environment", web=False, workers=0
    )
    yield environment
    environment.stop()


def test_no_restart_begins_that_would_end_too_late_and_the_first_one_always_does():
    begun = []
    for number in rolling.in_time(100, time.monotonic() + 0.5):
        begun.append(number)
        time.sleep(0.2)

    assert begun in ([0, 1], [0])  # the second ends after 0.4 s, a third one would after 0.6 s
    assert list(rolling.in_time(100, time.monotonic() - 1)) == [0]
    assert list(rolling.in_time(3, time.monotonic() + 60)) == [0, 1, 2]


def test_a_run_that_waits_still_is_counted_and_breaks_no_promise_of_a_restart(environment):
    run_id = environment.enqueue()

    ends = promises.ended(environment, {run_id}, seconds=0)

    assert (ends, promises.waiting(ends)) == (Counter({Status.PENDING: 1}), 1)
    assert list(promises.broken(environment, {run_id}, ends, may_wait=True)) == []
    assert list(promises.broken(environment, {run_id}, ends)) == ["not every run succeeded: {'PENDING': 1}"]
    assert list(promises.broken(environment, {run_id, "lost"}, ends, may_wait=True)) == [
        "1 runs were promised and are not in the database"
    ]
