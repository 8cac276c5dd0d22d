"""The service level objective of runs, counted from the database."""

from datetime import UTC, datetime, timedelta

from backtest.run.request import RunRequest
from store.models import Status
from store.queries import runs, slo

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def add_run(database, minutes_ago, ended=None, took_seconds=0):
    body = {
        "symbols": ["SP500"],
        "rule_type": "BUY_AND_HOLD",
        "start_date": "2009-01-02",
        "end_date": "2018-12-31",
    }
    wanted = RunRequest.parse(body)
    created = NOON - timedelta(minutes=minutes_ago)
    with database.write() as session:
        submission = runs.Submission(request=wanted, received=wanted.as_json(), idempotency_key=None)
        run, _ = runs.submit(session, submission, now=created)
        if ended:
            run.status, run.completed_at = ended, created + timedelta(seconds=took_seconds)
            run.error_message = "made for a test"


def counted(database):
    with database.read() as session:
        return slo.measure(session, now=NOON)


def test_a_run_is_due_after_five_minutes_and_on_time_if_it_succeeded_within_them(database):
    add_run(database, 10, Status.SUCCEEDED, took_seconds=300)
    add_run(database, 10, Status.SUCCEEDED, took_seconds=301)
    add_run(database, 10, Status.FAILED, took_seconds=2)
    add_run(database, 10)
    add_run(database, 4, Status.SUCCEEDED, took_seconds=2)
    add_run(database, 66, Status.SUCCEEDED, took_seconds=2)

    status = counted(database)

    assert (status.due, status.on_time) == (4, 1)


def test_a_cancelled_run_counts_neither_way(database):
    add_run(database, 10, Status.CANCELLED, took_seconds=2)

    assert (counted(database).due, counted(database).on_time) == (0, 0)


def test_the_oldest_waiting_run_says_how_long_it_waits(database):
    before = counted(database).oldest_pending_seconds
    add_run(database, 3)
    add_run(database, 2)

    assert before == 0
    assert counted(database).oldest_pending_seconds == 180
