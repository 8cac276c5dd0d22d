"""The worker: a run harms no other, and cancellations and signals are obeyed."""

import json
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from qa.harness import mysql
from qa.harness.processes import LAST_RESORT_SECONDS, wait_until
from store.admin.check import problems
from store.queries import audit, runs
from workflows.submission import cancel


def test_runs_succeed_and_leave_nothing_behind(environment):
    worker = environment.start_worker()
    run_ids = [environment.enqueue() for _ in range(5)]

    environment.wait_all()

    assert environment.counts() == {"SUCCEEDED": 5}
    assert len({environment.get(run_id).result_hash for run_id in run_ids}) == 1
    assert list(problems(environment.database)) == []
    worker.terminate()
    assert worker.wait(LAST_RESORT_SECONDS) == 0
    assert list(environment.settings.bundle_dir.iterdir()) == []


def test_each_line_about_a_run_carries_its_id_and_none_a_secret(environment):
    environment.start_worker(ARGO_TOKEN="never-to-be-seen")
    run_id = environment.enqueue()
    environment.wait(run_id)

    environment.until(lambda: "run SUCCEEDED" in environment.log())

    lines = [json.loads(line) for line in environment.log().splitlines()]
    about = [line for line in lines if line["event"].startswith("run ")]
    assert [line["event"] for line in about] == ["run claimed", "run begins", "run computed", "run SUCCEEDED"]
    assert {line["run_id"] for line in about} == {run_id}
    assert [line["process"] for line in about] == ["worker", "engine", "engine", "persist"]
    assert mysql.PASSWORD not in environment.log()
    assert "never-to-be-seen" not in environment.log()


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ("ABORTING", "crashed", "The engine step crashed (SIGABRT). The cause is in the rule"),
        ("EATING", "out_of_memory", "it may use 256 MiB and needed more"),
        ("SLEEPING", "timeout", "was stopped after 15 seconds, the time limit of a step"),
        ("RAISING", "engine_failed", "ZeroDivisionError: no password=[redacted] here"),
    ],
)
def test_a_hostile_run_fails_alone_and_says_why(environment, rule, code, message):
    environment.start_worker(
        STEP_TIMEOUT_SECONDS="15" if rule == "SLEEPING" else "600", STEP_MEMORY_MIB="256"
    )
    good, bad, good_too = environment.enqueue(), environment.enqueue_rule(rule), environment.enqueue()

    environment.wait_all()

    failed = environment.get(bad)
    assert (failed.status, failed.error_code) == ("FAILED", code)
    assert message in failed.error_message
    assert [environment.get(run_id).status for run_id in (good, good_too)] == ["SUCCEEDED", "SUCCEEDED"]
    assert (environment.get(good).attempts, failed.attempts) == (1, 1)


def test_a_failure_without_its_words_does_not_end_the_worker(environment):
    worker = environment.start_worker()

    bad = environment.wait(environment.enqueue_rule("MUTTERING"))
    good = environment.wait(environment.enqueue())

    assert (bad.status, bad.error_code) == ("FAILED", "step_failed")
    assert good.status == "SUCCEEDED"
    assert worker.poll() is None


@pytest.mark.parametrize(
    ("rule", "limits", "variable"),
    [
        ("EATING", {"STEP_MEMORY_MIB": "256"}, "STEP_MEMORY_MIB"),
        ("SLEEPING", {"STEP_TIMEOUT_SECONDS": "1"}, "STEP_TIMEOUT_SECONDS"),
    ],
)
def test_the_messages_about_limits_say_how_to_raise_them(environment, rule, limits, variable):
    environment.start_worker(**limits)

    run = environment.wait(environment.enqueue_rule(rule))

    assert f"raise {variable}" in run.error_message


def test_what_a_rule_started_ends_with_its_step(environment):
    environment.start_worker()

    run = environment.wait(environment.enqueue_rule("LEAVING_CHILDREN"))

    assert run.status == "SUCCEEDED"
    environment.until(
        lambda: subprocess.run(["pgrep", "-f", "^sleep 987654$"], capture_output=True).returncode == 1
    )


def test_a_cancelled_run_is_stopped_and_stays_cancelled(environment):
    environment.start_worker(WORKER_SLOTS="1")
    sleeping = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(sleeping).status == "RUNNING")
    next_one = environment.enqueue()

    assert cancel(environment.database, sleeping)

    assert environment.wait(next_one).status == "SUCCEEDED"
    assert environment.get(sleeping).status == "CANCELLED"
    assert not cancel(environment.database, sleeping)


def test_a_run_cancelled_while_it_waits_is_never_begun(environment):
    run_id = environment.enqueue()
    cancel(environment.database, run_id)

    environment.start_worker()
    environment.wait(environment.enqueue())

    assert (environment.get(run_id).status, environment.get(run_id).started_at) == ("CANCELLED", None)


def test_a_worker_deletes_what_is_older_than_the_audit_trail_is_retained(environment):
    now = datetime.now(UTC)
    with environment.database.write() as session:
        for days in (8, 6):
            at = now - timedelta(days=days)
            audit.record(session, audit.Actor("token:1"), audit.Action.RUN_CANCEL, f"run {days}", now=at)

    environment.start_worker(AUDIT_DAYS="7")

    assert wait_until(lambda: targets(environment) == ["audit", "run 6"])


def targets(environment):
    with environment.database.read() as session:
        return [entry.target_id for entry in audit.page(session, audit.Filter(), before=None, limit=9)[0]]


def test_asked_to_stop_it_finishes_what_runs_and_claims_nothing_new(environment):
    worker = environment.start_worker(WORKER_SLOTS="1", STEP_TIMEOUT_SECONDS="5")
    sleeping = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(sleeping).attempts == 1, what="the run is claimed")
    waiting = environment.enqueue()

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(LAST_RESORT_SECONDS) == 0
    assert environment.get(sleeping).error_code == "timeout"
    assert (environment.get(waiting).status, environment.get(waiting).lease_owner) == ("PENDING", None)


def test_asked_twice_it_releases_what_runs(environment):
    worker = environment.start_worker()
    sleeping = environment.enqueue_rule("SLEEPING")
    environment.until(lambda: environment.get(sleeping).status == "RUNNING")

    while worker.poll() is None:  # two that come before the first is handled are one
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.1)

    assert worker.returncode == 0
    assert (environment.get(sleeping).status, environment.get(sleeping).lease_owner) == ("RUNNING", None)


def test_a_wrong_environment_ends_it_with_every_mistake_named(environment):
    worker = environment.start_worker(WORKER_SLOTS="none", STEP_MEMORY_MIB="1")

    assert worker.wait(LAST_RESORT_SECONDS) == 2
    assert "WORKER_SLOTS must be a whole number from 1 to 256, got 'none'" in environment.log()
    assert "STEP_MEMORY_MIB must be a whole number from 256" in environment.log()


def test_one_line_and_no_more_tells_that_the_schema_is_missing(environment, tmp_path):
    environment.start_worker(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")

    environment.until(lambda: "waiting for the schema" in environment.log())
    lines = environment.log().count("waiting for the schema")

    assert lines == 1
    assert "run python -m store upgrade" in environment.log()


def test_the_oldest_run_goes_first(environment):
    run_ids = [environment.enqueue() for _ in range(4)]

    environment.start_worker(WORKER_SLOTS="1")
    environment.wait_all()

    with environment.database.read() as session:
        started = {run_id: runs.get(session, run_id).started_at for run_id in run_ids}
    assert sorted(run_ids, key=started.get) == run_ids
