import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from backtest.run.request import RunRequest
from qa.examples import MINIMAL
from store.errors import Conflict, UnknownRun
from store.models import Status
from store.queries import leases, run_list, runs
from tests.store.builders import NOON


def request(**changes):
    params = {"slow": 30, "fast": 10}  # not in the order in which they are stored
    return RunRequest.parse(MINIMAL | {"params": params, "fee_rate": 0} | changes)


def submit(database, now=NOON, key=None, client=None, **changes):
    submitted = request(**changes)
    submission = runs.Submission(
        request=submitted, received=submitted.as_json(), idempotency_key=key, client=client
    )
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

    with pytest.raises(Conflict, match="Idempotency-Key was already used for a different request"):
        submit(database, key="order-7", fee_rate=0.5)


def test_a_key_that_another_client_used_finds_and_blocks_nothing(database):
    first, _ = submit(database, key="order-7", client="token:1")
    other, is_new = submit(database, key="order-7", client="token:2", fee_rate=0.5)

    assert is_new
    assert submit(database, key="order-7", client="token:1") == (first, False)
    assert submit(database, key="order-7", client="token:2", fee_rate=0.5) == (other, False)


def test_clients_without_a_name_are_one_client_to_keys(database):
    first, _ = submit(database, key="order-7", client=None)

    assert submit(database, key="order-7", client="") == (first, False)


def test_ten_clients_with_the_same_key_at_once_make_one_run(database):
    together = threading.Barrier(10)

    def client(_number):
        together.wait()
        return submit(database, key="order-7", client="token:1")

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(client, range(10)))

    assert len({run_id for run_id, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1


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
    with database.read() as session, pytest.raises(UnknownRun, match="there is no run unknown"):
        runs.get(session, "unknown")


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
    with database.write() as session:
        leases.claim(session, "one", lease_seconds=10, now=NOON)
        runs.fail(session, run_id, code="timeout", message="took too long", now=NOON)

    with database.read() as session:
        run = runs.get(session, run_id)
    assert (run.status, run.error_code, run.error_message) == (Status.FAILED, "timeout", "took too long")
    assert (run.completed_at, run.lease_owner, run.lease_until) == (NOON, None, None)


def test_only_an_ended_run_can_be_deleted(database):
    run_id, _ = submit(database)
    with database.write() as session, pytest.raises(Conflict, match="cancel it before deleting it"):
        runs.remove(session, run_id)
    with database.write() as session:
        runs.cancel(session, run_id, now=NOON)
        runs.remove(session, run_id)

    with database.read() as session:
        assert run_list.count_by_status(session) == {str(status): 0 for status in Status}
