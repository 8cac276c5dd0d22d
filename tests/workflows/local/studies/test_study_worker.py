"""Studies in the local worker: chunks beside runs, deaths, cancellation, and the same bytes however it is split."""

import json
import select
import signal
import subprocess
import sys
from datetime import UTC, datetime

import psutil
import pytest

from backtest import precompile
from backtest.studies.compute import compute_chunk
from qa.examples import SMALL_STUDY
from qa.harness.processes import LAST_RESORT_SECONDS, wait_until
from store.queries.audit import Actor
from store.queries.studies import chunks, ledger, studies
from workflows.local.studies import study_worker
from workflows.local.studies.queue import StudyQueue
from workflows.studies import chunk_step, submission

TESTER = Actor("tester")


def enqueue(environment, *, count=None, monkeypatch=None, **changes):
    """The id of a PENDING study, of so many chunks."""
    if count is not None:
        monkeypatch.setattr(submission, "chunks_of", lambda prepared, at_once: count)
    raw = SMALL_STUDY | changes
    return submission.submit(raw, settings=environment.settings, database=environment.database).study_id


def get(environment, study_id):
    with environment.database.read() as session:
        return studies.get(session, study_id)


def wait(environment, study_id):
    """The study, as soon as it has ended."""
    wait_until(lambda: get(environment, study_id).ended)
    return get(environment, study_id)


def test_a_study_succeeds_with_its_best_trial_and_is_counted_in_the_ledger(environment):
    environment.start_worker()
    study_id = enqueue(environment)

    study = wait(environment, study_id)

    assert (study.status, study.error_message) == ("SUCCEEDED", None)
    assert (study.trials, study.done_chunks, study.missing_chunks, study.progress) == (
        320,
        study.chunks,
        0,
        1.0,
    )
    with environment.database.read() as session:
        account = studies.summary_of(session, study_id)["accounts"][0]
        tried = ledger.tried(session, "MOVING_AVERAGE_CROSS", ["SP500"], "1d")
    assert account["best"]["values"].keys() == {"params.fast", "params.slow"}
    assert tried.trials == 320


def test_a_worker_that_has_nothing_to_do_begins_what_the_first_study_needs_and_not_while_it_is_compiled(
    environment, monkeypatch, tmp_path
):
    subprocess.run([sys.executable, "-m", "backtest.precompile"], check=True)
    worker = environment.start_worker()
    environment.until(lambda: servers_of_studies(worker), what="the fork server of studies is begun")
    [server] = servers_of_studies(worker)

    assert wait(environment, enqueue(environment)).status == "SUCCEEDED"
    assert servers_of_studies(worker) == [server]

    started = []
    monkeypatch.setattr(study_worker, "ForkServer", lambda modules: started.append(modules))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    studies_of_a_worker = study_worker.StudyWorker(environment.settings, queue=None)
    studies_of_a_worker.begin_ahead()
    assert started == []
    precompile._mark().touch()
    studies_of_a_worker.begin_ahead()
    assert started == [study_worker.PRELOADED]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_fork_server_without_a_study_leaves_nothing_unread_and_one_that_dies_is_not_begun_again(
    environment, is_killed, monkeypatch
):
    monkeypatch.setattr(study_worker, "PRELOADED", ("json",))
    monkeypatch.setattr(precompile, "is_done", lambda: True)
    queue = StudyQueue(environment.database, lease_seconds=30)
    idle = study_worker.StudyWorker(environment.settings, queue)
    try:
        idle.begin_ahead()
        [server] = idle.sockets
        select.select([server], [], [], LAST_RESORT_SECONDS)
        if is_killed:
            server._process.kill()
            server._process.wait()

        for _ in range(2):  # what it said before it died is read first
            idle.turn(runs=0)
        idle.begin_ahead()

        assert idle.sockets == ([] if is_killed else [server])
        assert select.select(idle.sockets, [], [], 0)[0] == []
    finally:
        idle.close()


def servers_of_studies(worker):
    """The process ids of the fork servers of studies of a worker."""
    return [
        child.pid
        for child in psutil.Process(worker.pid).children()
        if "workflows.studies.chunk_step" in child.cmdline()
    ]


def test_the_best_trial_opened_as_a_run_has_the_same_figures_and_says_which_study_it_came_from(environment):
    environment.start_worker()
    study_id = enqueue(environment)
    wait(environment, study_id)
    with environment.database.read() as session:
        best = studies.summary_of(session, study_id)["accounts"][0]["best"]

    opened = [open_as_run(environment, study_id, best["trial"]) for _ in range(2)]

    run = environment.wait(opened[0])
    assert opened[0] == opened[1]
    assert (run.study_id, run.trial) == (study_id, best["trial"])
    assert {name: run.metrics[name] for name in best["figures"]} == best["figures"]
    with environment.database.read() as session:
        assert ledger.tried(session, "MOVING_AVERAGE_CROSS", ["SP500"], "1d").trials == 320


def open_as_run(environment, study_id, trial):
    from workflows.launchers import LocalLauncher

    return submission.open_as_run(
        study_id,
        trial,
        settings=environment.settings,
        database=environment.database,
        launcher=LocalLauncher(),
    )


def test_the_same_request_in_other_chunks_gives_the_same_bytes_and_counts_once(environment, monkeypatch):
    environment.start_worker()

    ended = [
        wait(environment, enqueue(environment, count=count, monkeypatch=monkeypatch)) for count in (1, 7)
    ]

    assert [study.chunks for study in ended] == [1, 7]
    assert len({study.result_hash for study in ended}) == 1
    with environment.database.read() as session:
        assert ledger.tried(session, "MOVING_AVERAGE_CROSS", ["SP500"], "1d").trials == 320


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_in_the_midst_loses_only_the_chunk_in_flight(environment, monkeypatch, number):
    study_id = enqueue(environment, count=40, monkeypatch=monkeypatch)
    whole = enqueue(environment, count=1, monkeypatch=monkeypatch)
    worker = environment.start_worker()
    wait_until(lambda: get(environment, study_id).done_chunks >= 3)

    worker.send_signal(number)
    worker.wait(LAST_RESORT_SECONDS)
    done = get(environment, study_id).done_chunks
    environment.start_worker()

    study, other = wait(environment, study_id), wait(environment, whole)
    assert done >= 3
    assert (study.status, study.done_chunks) == ("SUCCEEDED", 40)
    assert study.result_hash == other.result_hash
    stored = [json.loads(line) for line in environment.log().splitlines() if "chunk stored" in line]
    numbers = [line["number"] for line in stored if line["run_id"] == study_id]
    assert len(numbers) == len(set(numbers))


def test_a_study_outlives_any_number_of_workers_while_chunks_are_done_between_their_deaths(
    environment, monkeypatch
):
    study_id = enqueue(environment, count=12, monkeypatch=monkeypatch)
    queue = StudyQueue(environment.database, lease_seconds=60)
    planned, prices = chunk_step.load(environment.database, study_id)

    attempts = []
    for number in range(8):
        attempts.append(queue.claim().attempts)
        chunk = compute_chunk(planned.request, prices, number, 12, planned=planned)
        with environment.database.write() as session:
            chunks.store(session, study_id, chunk)
        queue.release(study_id)
    environment.start_worker()

    study = wait(environment, study_id)
    assert attempts == [1, 2, 3, 3, 3, 3, 3, 3]  # deaths before the last chunk no longer count
    assert (study.status, study.done_chunks) == ("SUCCEEDED", 12)


def test_a_study_whose_workers_die_before_another_chunk_is_done_fails_and_says_so(environment):
    study_id = enqueue(environment)
    queue = StudyQueue(environment.database, lease_seconds=60)
    for _ in range(study_worker.MAX_ATTEMPTS):
        queue.claim()
        queue.release(study_id)
    environment.start_worker()

    study = wait(environment, study_id)

    assert (study.status, study.error_code) == ("FAILED", "worker_died")
    assert study.error_message.startswith("The worker died at least 4 times while executing this study")


def test_a_cancelled_study_stops_and_completes_what_is_missing_when_it_is_finished(environment, monkeypatch):
    study_id = enqueue(environment, count=100, monkeypatch=monkeypatch)
    environment.start_worker()
    wait_until(lambda: get(environment, study_id).done_chunks >= 1)

    assert submission.cancel(environment.database, study_id, actor=TESTER)
    cancelled = get(environment, study_id)
    submission.resume(environment.database, study_id, actor=TESTER)

    study = wait(environment, study_id)
    assert cancelled.status == "CANCELLED"
    assert (study.status, study.done_chunks) == ("SUCCEEDED", 100)


def test_a_chunk_is_stored_once_and_counted_once(environment):
    study_id = enqueue(environment)
    planned, prices = chunk_step.load(environment.database, study_id)
    chunk = compute_chunk(planned.request, prices, 0, get(environment, study_id).chunks, planned=planned)

    stored = []
    for _ in range(2):
        with environment.database.write() as session:
            stored.append(chunks.store(session, study_id, chunk))

    assert stored == [True, False]
    assert get(environment, study_id).done_chunks == 1


def test_a_study_with_too_many_missing_chunks_fails_and_says_why(environment, monkeypatch):
    study_id = enqueue(environment, count=4, monkeypatch=monkeypatch)
    for number in range(4):
        with environment.database.write() as session:
            chunks.fail(session, study_id, number, code="timeout", message="The chunk was stopped.")
    environment.start_worker()

    study = wait(environment, study_id)

    assert (study.status, study.error_code, study.missing_chunks) == ("FAILED", "timeout", 4)
    assert study.error_message.startswith("4 chunks of 4 failed, more than 5%: The chunk was stopped.")


def test_a_run_that_arrives_during_a_study_is_not_kept_waiting(environment, monkeypatch):
    study_id = enqueue(environment, count=200, monkeypatch=monkeypatch)
    environment.start_worker()
    wait_until(lambda: get(environment, study_id).done_chunks >= 1)

    run = environment.wait(environment.enqueue())

    assert run.status == "SUCCEEDED"
    assert get(environment, study_id).done_chunks < 200


def test_the_ledger_pools_what_was_tried_and_leaves_the_own_request_out(database):
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    with database.write() as session:
        for name, values in (("a", (0.0, 2.0)), ("b", (4.0,))):
            tried = ledger.Tried(len(values), sum(values) / len(values), 2.0 if len(values) > 1 else 0.0)
            ledger.record(
                session, tried, rule_type="RSI", symbols=["B", "A"], timeframe="1d", request_hash=name,
                source=name, now=moment,
            )  # fmt: skip

    with database.read() as session:
        total = ledger.tried(session, "RSI", ["A", "B"], "1d")
        other = ledger.tried(session, "RSI", ["A", "B"], "1d", without="b")

    assert (total.trials, total.mean, total.variance) == (3, 2.0, 4.0)
    assert (other.trials, other.mean, other.variance) == (2, 1.0, 2.0)
