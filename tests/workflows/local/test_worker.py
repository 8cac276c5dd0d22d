"""The worker: what a run does to itself stays its own, and what is asked of the worker is done."""

import json
import signal
import subprocess
import time

import pytest

from store.admin.check import problems
from store.queries import runs
from workflows.launchers import LocalLauncher
from workflows.submission import cancel


def test_runs_succeed_and_leave_nothing_behind(bench):
    worker = bench.start_worker()
    run_ids = [bench.submit() for _ in range(5)]

    bench.wait_all(seconds=40)

    assert bench.counts() == {"SUCCEEDED": 5}
    assert len({bench.get(run_id).result_hash for run_id in run_ids}) == 1
    assert list(problems(bench.database)) == []
    worker.terminate()
    assert worker.wait(20) == 0
    assert list(bench.settings.bundle_dir.iterdir()) == []


def test_each_line_about_a_run_carries_its_id_and_none_a_secret(bench):
    bench.start_worker(ARGO_TOKEN="never-to-be-seen")
    run_id = bench.submit()
    bench.wait(run_id)

    bench.until(lambda: "run SUCCEEDED" in bench.logged())

    lines = [json.loads(line) for line in bench.logged().splitlines()]
    about = [line for line in lines if line["event"].startswith("run ")]
    assert [line["event"] for line in about] == ["run taken", "run begins", "run computed", "run SUCCEEDED"]
    assert {line["run_id"] for line in about} == {run_id}
    assert [line["process"] for line in about] == ["worker", "engine", "engine", "persist"]
    assert "local-test-only" not in bench.logged()
    assert "never-to-be-seen" not in bench.logged()


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("ABORTING", "crashed", "The engine step crashed (SIGABRT). The fault lies in the rule"),
        ("EATING", "out_of_memory", "it may use 256 MiB and needed more"),
        ("SLEEPING", "timeout", "was stopped after 8 seconds, the time limit of a step"),
        ("RAISING", "engine_failed", "ZeroDivisionError: no password=[redacted] here"),
    ],
)
def test_a_hostile_run_fails_alone_and_says_why(bench, rule, code, said):
    bench.start_worker(STEP_TIMEOUT_SECONDS="8" if rule == "SLEEPING" else "60", STEP_MEMORY_MIB="256")
    good, bad, good_too = bench.submit(), bench.submit_rule(rule), bench.submit()

    bench.wait_all(seconds=40)

    failed = bench.get(bad)
    assert (failed.status, failed.error_code) == ("FAILED", code)
    assert said in failed.error_message
    assert [bench.get(run_id).status for run_id in (good, good_too)] == ["SUCCEEDED", "SUCCEEDED"]
    assert (bench.get(good).attempts, failed.attempts) == (1, 1)


def test_the_messages_about_limits_say_how_to_raise_them(bench):
    bench.start_worker(STEP_TIMEOUT_SECONDS="8", STEP_MEMORY_MIB="256")

    eating, sleeping = bench.submit_rule("EATING"), bench.submit_rule("SLEEPING")
    bench.wait_all(seconds=40)

    assert "raise STEP_MEMORY_MIB" in bench.get(eating).error_message
    assert "raise STEP_TIMEOUT_SECONDS" in bench.get(sleeping).error_message


def test_what_a_rule_started_ends_with_its_step(bench):
    bench.start_worker()

    run = bench.wait(bench.submit_rule("LEAVING_CHILDREN"))

    assert run.status == "SUCCEEDED"
    bench.until(
        lambda: subprocess.run(["pgrep", "-f", "^sleep 987654$"], capture_output=True).returncode == 1
    )


def test_a_cancelled_run_is_stopped_and_stays_cancelled(bench):
    bench.start_worker(WORKER_SLOTS="1")
    sleeping = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(sleeping).status == "RUNNING")
    next_one = bench.submit()

    assert cancel(bench.database, LocalLauncher(), sleeping)

    assert bench.wait(next_one).status == "SUCCEEDED"
    assert bench.get(sleeping).status == "CANCELLED"
    assert not cancel(bench.database, LocalLauncher(), sleeping)


def test_a_run_cancelled_while_it_waits_is_never_begun(bench):
    run_id = bench.submit()
    cancel(bench.database, LocalLauncher(), run_id)

    bench.start_worker()
    bench.wait(bench.submit())

    assert (bench.get(run_id).status, bench.get(run_id).started_at) == ("CANCELLED", None)


def test_told_to_stop_it_finishes_what_runs_and_takes_nothing_new(bench):
    worker = bench.start_worker(WORKER_SLOTS="1", STEP_TIMEOUT_SECONDS="3")
    sleeping = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(sleeping).status == "RUNNING")
    waiting = bench.submit()

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(20) == 0
    assert bench.get(sleeping).error_code == "timeout"
    assert (bench.get(waiting).status, bench.get(waiting).lease_owner) == ("PENDING", None)


def test_told_twice_it_gives_back_what_runs(bench):
    worker = bench.start_worker()
    sleeping = bench.submit_rule("SLEEPING")
    bench.until(lambda: bench.get(sleeping).status == "RUNNING")

    worker.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(20) == 0
    assert (bench.get(sleeping).status, bench.get(sleeping).lease_owner) == ("RUNNING", None)


def test_a_wrong_environment_ends_it_with_every_mistake_named(bench):
    worker = bench.start_worker(WORKER_SLOTS="none", STEP_MEMORY_MIB="1")

    assert worker.wait(20) == 2
    assert "WORKER_SLOTS must be a whole number from 1 to 256, got 'none'" in bench.logged()
    assert "STEP_MEMORY_MIB must be a whole number from 256" in bench.logged()


def test_one_line_and_no_more_tells_that_the_schema_is_missing(bench, tmp_path):
    bench.start_worker(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")

    bench.until(lambda: "waiting for the schema" in bench.logged())
    lines = bench.logged().count("waiting for the schema")

    assert lines == 1
    assert "run python -m store upgrade" in bench.logged()


def test_the_oldest_run_goes_first(bench):
    run_ids = [bench.submit() for _ in range(4)]

    bench.start_worker(WORKER_SLOTS="1")
    bench.wait_all(seconds=40)

    with bench.database.read() as session:
        started = {run_id: runs.get(session, run_id).started_at for run_id in run_ids}
    assert sorted(run_ids, key=started.get) == run_ids
