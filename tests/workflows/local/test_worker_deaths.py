"""Workers are killed at any moment; runs are neither lost nor stored twice."""

import json
import os
import signal
import sqlite3
import time
from contextlib import closing

import pymysql
import pytest
from sqlalchemy import make_url

from store.admin.check import problems
from store.models import Result
from tests.workflows.conftest import REQUEST
from workflows.local.step_failures import worker_died

pytestmark = pytest.mark.timeout(240)


def count_results(bench):
    with bench.database.read() as session:
        return session.query(Result).count()


def succeeded(bench):
    return bench.counts().get("SUCCEEDED", 0)


def test_a_hundred_runs_outlive_three_kills_of_their_worker(bench):
    run_ids = [bench.submit() for _ in range(100)]

    for killed_after in (15, 40, 70):
        worker = bench.start_worker()
        bench.until(lambda after=killed_after: succeeded(bench) >= after, seconds=60)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    bench.start_worker()
    bench.wait_all(seconds=60)

    assert bench.counts() == {"SUCCEEDED": 100}
    assert count_results(bench) == 100
    assert len({bench.get(run_id).result_hash for run_id in run_ids}) == 1
    assert list(problems(bench.database)) == []


def test_the_runs_of_a_killed_worker_are_taken_up_at_once_not_after_their_lease(bench):
    first = bench.start_worker(LEASE_SECONDS="600")
    sleeping = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(sleeping).status == "RUNNING")

    first.send_signal(signal.SIGKILL)
    first.wait()
    bench.start_worker(LEASE_SECONDS="600", STEP_TIMEOUT_SECONDS="1")

    run = bench.wait(sleeping, seconds=20)
    assert (run.error_code, run.attempts) == ("timeout", 2)


def test_the_steps_of_a_killed_worker_die_with_it(bench):
    worker = bench.start_worker()
    sleeping = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(sleeping).status == "RUNNING")
    family = descendants(worker.pid)

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    assert len(family) == 2
    bench.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in family), seconds=5)


def test_a_run_that_kills_its_worker_is_given_up_after_five_times(bench):
    deadly, good = bench.submit_rule("KILLING_ITS_WORKER"), bench.submit()

    for _ in range(5):
        bench.start_worker(WORKER_SLOTS="1").wait(30)
    bench.start_worker(WORKER_SLOTS="1")

    run = bench.wait(deadly)
    assert (run.status, run.error_code, run.error_message) == (
        "FAILED",
        "worker_died",
        worker_died(5).message,
    )
    assert bench.wait(good).status == "SUCCEEDED"


def test_when_its_fork_server_is_killed_the_worker_starts_another(bench):
    worker = bench.start_worker(STEP_TIMEOUT_SECONDS="3")
    sleeping = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(sleeping).status == "RUNNING")

    os.kill(children(worker.pid)[0], signal.SIGKILL)

    assert bench.wait(sleeping).error_code == "timeout"
    assert bench.wait(bench.submit()).status == "SUCCEEDED"
    assert worker.poll() is None


def test_a_step_killed_from_outside_fails_its_run_alone(bench):
    worker = bench.start_worker()
    sleeping = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(sleeping).status == "RUNNING")

    os.kill(children(children(worker.pid)[0])[0], signal.SIGKILL)

    run = bench.wait(sleeping)
    assert run.error_code == "killed"
    assert "most likely because the machine ran out of memory" in run.error_message
    assert bench.wait(bench.submit()).status == "SUCCEEDED"


def test_two_workers_never_do_the_same_run(bench):
    for _ in range(2):
        bench.start_worker()
    run_ids = [bench.submit() for _ in range(40)]

    bench.wait_all(seconds=60)

    begun = [line for line in map(json.loads, bench.logged().splitlines()) if line["event"] == "run taken"]
    assert sorted(line["run_id"] for line in begun) == sorted(run_ids)
    assert bench.counts() == {"SUCCEEDED": 40}
    assert list(problems(bench.database)) == []


def test_a_stopped_worker_loses_its_run_to_another_and_nothing_is_stored_twice(bench):
    frozen = bench.start_worker()
    bench.until(lambda: "worker ready" in bench.logged())
    run_id = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(run_id).status == "RUNNING")
    freeze(bench, frozen)
    time.sleep(bench.settings.lease_seconds)

    bench.start_worker(STEP_TIMEOUT_SECONDS="1")
    run = bench.wait(run_id)
    frozen.send_signal(signal.SIGCONT)
    bench.wait(bench.submit())

    assert (run.error_code, run.attempts) == ("timeout", 2)
    assert bench.get(run_id).completed_at == run.completed_at
    assert REQUEST["symbols"] == run.symbols


def freeze(bench, worker):
    """Stop the worker where it holds no lock: a writer that stands still would keep everybody out."""
    worker.send_signal(signal.SIGSTOP)
    while is_locked(bench.settings.database_url):
        worker.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        worker.send_signal(signal.SIGSTOP)


def is_locked(url):
    address = make_url(url)
    try:
        if address.get_backend_name() == "sqlite":
            with closing(sqlite3.connect(address.database, timeout=0.2, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                return False
        host = {"host": address.host, "port": address.port, "database": address.database}
        with pymysql.connect(**host, user=address.username, password=address.password) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT run_id FROM runs FOR UPDATE NOWAIT")
            return False
    except (sqlite3.OperationalError, pymysql.err.OperationalError):
        return True


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
        return [int(number) for number in listed.read().split()]


def descendants(pid):
    found = children(pid)
    return found + [deeper for one in found for deeper in descendants(one)]
