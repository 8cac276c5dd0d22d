import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from backtest.run.request import RunRequest
from store.errors import Conflict, UnknownRun
from store.models import Status
from store.queries import leases, run_list, runs

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def request(**changes):
    body = {
        "symbols": ["SP500"],
        "rule_type": "MOVING_AVERAGE_CROSS",
        "params": {"slow": 30, "fast": 10},
        "start_date": "2009-01-02",
        "end_date": "2018-12-31",
        "fee_rate": 0,
    }
    return RunRequest.parse(body | changes)


def submit(database, now=NOON, key=None, **changes):
    wanted = request(**changes)
    submission = runs.Submission(request=wanted, received=wanted.as_json(), idempotency_key=key)
    with database.write() as session:
        run, created = runs.submit(session, submission, now=now)
        return run.run_id, created


def status(database, run_id):
    with database.read() as session:
        return runs.get(session, run_id).status


def test_a_submitted_run_is_pending_with_every_input_as_it_was_received(database):
    run_id, created = submit(database, stop_loss_pct=5)

    with database.read() as session:
        run = runs.get(session, run_id)
    assert created
    assert (run.status, run.created_at, run.fee_rate, run.stop_loss_pct) == (Status.PENDING, NOON, 0.0, 5.0)
    assert list(run.params) == ["slow", "fast"]
    assert runs.request_of(run) == request(stop_loss_pct=5, run_id=run_id)


def test_the_same_run_id_twice_makes_one_run(database):
    run_id = str(uuid4())

    first = submit(database, run_id=run_id)
    second = submit(database, run_id=run_id)

    assert (first, second) == ((run_id, True), (run_id, False))


def test_the_same_idempotency_key_twice_makes_one_run(database):
    first, _ = submit(database, key="order-7")

    assert submit(database, key="order-7") == (first, False)


def test_an_idempotency_key_used_for_another_request_is_a_conflict(database):
    submit(database, key="order-7")

    with pytest.raises(Conflict, match="Idempotency-Key was used before for a different request"):
        submit(database, key="order-7", fee_rate=0.5)


def test_ten_clients_with_the_same_submission_at_once_make_one_run(database):
    run_id = str(uuid4())
    answers = []
    together = threading.Barrier(10)

    def client():
        together.wait()
        answers.append(submit(database, run_id=run_id))

    threads = [threading.Thread(target=client) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [(run_id, False)] * 9 + [(run_id, True)]


def test_an_unknown_run_is_an_error_of_its_own(database):
    with database.read() as session, pytest.raises(UnknownRun, match="there is no run nobody"):
        runs.get(session, "nobody")


def claim(database, owner, now):
    with database.write() as session:
        run = leases.claim(session, owner, lease_seconds=10, now=now)
        return run.run_id if run else None


def test_runs_are_claimed_oldest_first_and_only_once(database):
    later, _ = submit(database, now=NOON + timedelta(seconds=1))
    earlier, _ = submit(database, now=NOON)

    claimed = [claim(database, owner, NOON) for owner in ("one", "two", "three")]

    assert claimed == [earlier, later, None]


def test_a_run_whose_lease_ran_out_is_claimed_again_and_the_attempts_are_counted(database):
    run_id, _ = submit(database)
    claim(database, "one", NOON)

    within = claim(database, "two", NOON + timedelta(seconds=10))
    after = claim(database, "two", NOON + timedelta(seconds=11))

    with database.read() as session:
        run = runs.get(session, run_id)
    assert (within, after) == (None, run_id)
    assert (run.attempts, run.lease_owner) == (2, "two")


def test_a_lease_from_before_the_clock_was_set_back_holds_nobody_up(database):
    run_id, _ = submit(database)
    claim(database, "one", NOON)

    a_day_earlier = claim(database, "two", NOON - timedelta(days=1))

    assert a_day_earlier == run_id
    assert claim(database, "one", NOON - timedelta(days=1)) is None


def test_a_renewed_lease_lasts_and_a_lost_one_is_not_renewed(database):
    run_id, _ = submit(database)
    claim(database, "one", NOON)

    with database.write() as session:
        kept = leases.renew(session, "one", [run_id], lease_seconds=60, now=NOON)
        lost = leases.renew(session, "two", [run_id], lease_seconds=60, now=NOON)

    assert (kept, lost) == ({run_id}, set())
    assert claim(database, "two", NOON + timedelta(seconds=30)) is None


def test_the_runs_of_a_dead_owner_are_free_at_once(database):
    run_id, _ = submit(database)
    claim(database, "dead", NOON)

    with database.write() as session:
        assert leases.owners(session) == {"dead"}
        leases.release_all(session, "dead")

    assert claim(database, "next", NOON) == run_id


def test_eight_workers_share_forty_runs_without_one_twice(database):
    expected = {submit(database, now=NOON + timedelta(seconds=second))[0] for second in range(40)}
    claimed = []

    def work(owner):
        while run_id := claim(database, owner, NOON):
            claimed.append(run_id)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claimed) == 40
    assert set(claimed) == expected


def test_a_run_moves_only_forward(database):
    run_id, _ = submit(database)
    with database.write() as session:
        assert runs.start(session, run_id, engine_version=1, now=NOON)
        assert runs.cancel(session, run_id, now=NOON)
        assert not runs.start(session, run_id, engine_version=1, now=NOON)
        assert not runs.fail(session, run_id, code="late", message="too late", now=NOON)
        assert not runs.report(session, run_id, stage="simulating", progress=0.5)

    assert status(database, run_id) == Status.CANCELLED


def test_a_failed_run_says_why_and_frees_its_lease(database):
    run_id, _ = submit(database)
    claim(database, "one", NOON)
    with database.write() as session:
        runs.fail(session, run_id, code="timeout", message="took too long", now=NOON)

    with database.read() as session:
        run = runs.get(session, run_id)
    assert (run.status, run.error_code, run.error_message) == (Status.FAILED, "timeout", "took too long")
    assert (run.completed_at, run.lease_owner, run.lease_until) == (NOON, None, None)


def test_pages_follow_each_other_without_gap_or_repeat(database):
    submitted = [submit(database, now=NOON + timedelta(seconds=second // 2))[0] for second in range(7)]
    seen, after = [], None

    while True:
        with database.read() as session:
            page = run_list.page(session, after=after, limit=3)
        seen += [run.run_id for run in page.runs]
        if (after := page.after) is None:
            break

    assert len(seen) == 7
    assert set(seen) == set(submitted)


def test_a_list_is_narrowed_by_symbol_rule_status_text_star_tag_and_day(database):
    first, _ = submit(database)
    second, _ = submit(
        database, symbols=["GOOG", "SP500"], rule_type="RSI", params={}, now=NOON + timedelta(days=2)
    )
    with database.write() as session:
        runs.annotate(session, second, name="100% long_short", tags=["desk"], starred=True)

    def found(**wanted):
        with database.read() as session:
            return {run.run_id for run in run_list.page(session, run_list.Filter(**wanted)).runs}

    assert (
        found(symbol="GOOG") == found(rule_type="RSI") == found(starred=True) == found(tag="desk") == {second}
    )
    assert found(text="100% long_") == {second}
    assert found(text="100_") == set()
    assert found(status=("PENDING",)) == found(symbol="SP500") == {first, second}
    assert found(created_to=NOON.date()) == {first}
    assert found(created_from=NOON.date() + timedelta(days=2)) == {second}


def test_only_an_ended_run_can_be_deleted(database):
    run_id, _ = submit(database)
    with database.write() as session, pytest.raises(Conflict, match="cancel it before deleting it"):
        runs.remove(session, run_id)
    with database.write() as session:
        runs.cancel(session, run_id, now=NOON)
        runs.remove(session, run_id)

    with database.read() as session:
        assert run_list.count_by_status(session) == {str(status): 0 for status in Status}
