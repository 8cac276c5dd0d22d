"""Workers are killed at any moment; runs are neither lost nor stored twice."""

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

import pymysql
from sqlalchemy import make_url

from qa.examples import REQUEST
from qa.harness.processes import LAST_RESORT_SECONDS
from store.admin.check import problems
from store.models import Result
from workflows.local.step_failures import worker_died
from workflows.submission import cancel


def count_results(environment):
    with environment.database.read() as session:
        return session.query(Result).count()


def succeeded(environment):
    return environment.counts().get("SUCCEEDED", 0)


def test_a_hundred_runs_outlive_three_kills_of_their_worker(environment):
    run_ids = [environment.enqueue() for _ in range(100)]

    for killed_after in (15, 40, 70):
        worker = environment.start_worker()
        environment.until(lambda after=killed_after: succeeded(environment) >= after)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    environment.start_worker()
    environment.wait_all()

    assert environment.counts() == {"SUCCEEDED": 100}
    assert count_results(environment) == 100
    assert len({environment.get(run_id).result_hash for run_id in run_ids}) == 1
    assert list(problems(environment.database)) == []


def test_the_runs_of_a_killed_worker_are_taken_up_at_once_not_after_their_lease(environment):
    first = environment.start_worker(LEASE_SECONDS="600")
    sleeping = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(sleeping).status == "RUNNING")

    first.send_signal(signal.SIGKILL)
    first.wait()
    environment.start_worker(LEASE_SECONDS="600", STEP_TIMEOUT_SECONDS="1")

    run = environment.wait(sleeping)
    assert (run.error_code, run.attempts) == ("timeout", 2)


def test_the_steps_of_a_killed_worker_die_with_it(environment):
    worker = environment.start_worker()
    sleeping = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(sleeping).status == "RUNNING")
    environment.until(lambda: len(descendants(worker.pid)) == 3, what="the next step has its process")
    family = descendants(worker.pid)

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    environment.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in family))


def test_a_run_that_kills_its_worker_is_given_up_after_five_times(environment):
    deadly, good = environment.enqueue_rule("KILLING_ITS_WORKER"), environment.enqueue()

    for _ in range(5):
        environment.start_worker(WORKER_SLOTS="1").wait(LAST_RESORT_SECONDS)
    environment.start_worker(WORKER_SLOTS="1")

    run = environment.wait(deadly)
    assert (run.status, run.error_code, run.error_message) == (
        "FAILED",
        "worker_died",
        worker_died(5).message,
    )
    assert environment.wait(good).status == "SUCCEEDED"


def test_when_its_fork_server_is_killed_the_worker_starts_another(environment):
    worker = environment.start_worker()
    sleeping = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(sleeping).status == "RUNNING")

    [fork_server] = children(worker.pid)
    os.kill(fork_server, signal.SIGKILL)

    environment.until(lambda: is_replaced(worker, fork_server), what="the run is begun again")
    assert environment.get(sleeping).status == "RUNNING"
    assert cancel(environment.database, sleeping)
    assert environment.wait(environment.enqueue()).status == "SUCCEEDED"
    assert worker.poll() is None


def is_replaced(worker, fork_server):
    """Whether another fork server has a step, and the process for the next one."""
    return children(worker.pid) != [fork_server] and len(descendants(worker.pid)) == 3


def test_a_step_killed_from_outside_fails_its_run_alone(environment):
    worker = environment.start_worker()
    sleeping = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(sleeping).status == "RUNNING")

    os.kill(children(children(worker.pid)[0])[0], signal.SIGKILL)

    run = environment.wait(sleeping)
    assert run.error_code == "killed"
    assert "most likely because the machine ran out of memory" in run.error_message
    assert environment.wait(environment.enqueue()).status == "SUCCEEDED"


def test_two_workers_never_do_the_same_run(environment):
    for _ in range(2):
        environment.start_worker(LEASE_SECONDS="600")  # a starved worker must not lose its lease here
    run_ids = [environment.enqueue() for _ in range(40)]

    environment.wait_all()

    claimed = [
        line for line in map(json.loads, environment.log().splitlines()) if line["event"] == "run claimed"
    ]
    assert sorted(line["run_id"] for line in claimed) == sorted(run_ids)
    assert environment.counts() == {"SUCCEEDED": 40}
    assert list(problems(environment.database)) == []


def test_a_stopped_worker_loses_its_run_to_another_and_nothing_is_stored_twice(environment):
    frozen = environment.start_worker()
    environment.until(lambda: "worker ready" in environment.log())
    run_id = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(run_id).status == "RUNNING")
    freeze(environment, frozen)
    environment.until(
        lambda: environment.get(run_id).lease_until < datetime.now(UTC), what="the lease expires"
    )

    environment.start_worker(STEP_TIMEOUT_SECONDS="1")
    run = environment.wait(run_id)
    frozen.send_signal(signal.SIGCONT)
    environment.wait(environment.enqueue())

    assert (run.error_code, run.attempts) == ("timeout", 2)
    assert environment.get(run_id).completed_at == run.completed_at
    assert REQUEST["symbols"] == run.symbols


def freeze(environment, worker):
    """Stop the worker where it holds no lock: a stopped writer would lock out every other."""
    worker.send_signal(signal.SIGSTOP)
    while is_locked(environment.settings.database_url):
        worker.send_signal(signal.SIGCONT)
        time.sleep(0.05)  # for what holds the lock to go on
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
    own = children(pid)
    return own + [deeper for child in own for deeper in descendants(child)]
