"""Leases: each run has one worker at a time, and a dead worker's runs are claimed again."""

import threading
from datetime import timedelta

from store.queries import leases, runs
from tests.store.builders import NOON, submitted


def claim(database, owner, now):
    with database.write() as session:
        run = leases.claim(session, owner, lease_seconds=10, now=now)
        return run.run_id if run else None


def test_runs_are_claimed_oldest_first_and_only_once(database):
    later = submitted(database, now=NOON + timedelta(seconds=1))
    earlier = submitted(database, now=NOON)

    claimed = [claim(database, owner, NOON) for owner in ("one", "two", "three")]

    assert claimed == [earlier, later, None]


def test_a_run_whose_lease_ran_out_is_claimed_again_and_the_attempts_are_counted(database):
    run_id = submitted(database)
    claim(database, "one", NOON)

    within = claim(database, "two", NOON + timedelta(seconds=10))
    after = claim(database, "two", NOON + timedelta(seconds=11))

    with database.read() as session:
        run = runs.get(session, run_id)
    assert (within, after) == (None, run_id)
    assert (run.attempts, run.lease_owner) == (2, "two")


def test_a_lease_from_before_the_clock_was_set_back_is_void(database):
    run_id = submitted(database)
    claim(database, "one", NOON)

    a_day_earlier = claim(database, "two", NOON - timedelta(days=1))

    assert a_day_earlier == run_id
    assert claim(database, "one", NOON - timedelta(days=1)) is None


def test_a_renewed_lease_lasts_and_a_lost_one_is_not_renewed(database):
    run_id = submitted(database)
    claim(database, "one", NOON)

    with database.write() as session:
        renewed = leases.renew(session, "one", [run_id], lease_seconds=60, now=NOON)
        lost = leases.renew(session, "two", [run_id], lease_seconds=60, now=NOON)

    assert (renewed, lost) == ({run_id}, set())
    assert claim(database, "two", NOON + timedelta(seconds=30)) is None


def test_the_runs_of_a_dead_owner_are_free_at_once(database):
    run_id = submitted(database)
    claim(database, "dead", NOON)

    with database.write() as session:
        assert leases.owners(session) == {"dead"}
        leases.release_all(session, "dead")

    assert claim(database, "next", NOON) == run_id


def test_eight_workers_share_forty_runs_without_one_twice(database):
    expected = {submitted(database, now=NOON + timedelta(seconds=second)) for second in range(40)}
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
