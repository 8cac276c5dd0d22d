"""What of a result survives, computed behind the runs: of every run, on request, over deaths, and never before a run."""

import select
import signal
import time
from datetime import UTC, datetime

import pytest

from backtest import samples
from backtest.robustness import robustness as computed
from backtest.run.request import RunRequest
from backtest.studies.statistics.deflated import Tried
from qa.examples import REQUEST
from qa.harness.processes import LAST_RESORT_SECONDS, wait_until
from store.errors import Conflict
from store.models import Status
from store.queries import runs
from store.queries.studies import robustness
from workflows.local.robustness import robustness_worker
from workflows.local.robustness.queue import RobustnessQueue


def found(environment, run_id):
    with environment.database.read() as session:
        return robustness.find(session, run_id)


def answer(environment, run_id):
    with environment.database.read() as session:
        return robustness.answer_of(session, run_id)


def ask(environment, run_id):
    with environment.database.write() as session:
        return robustness.ask(session, run_id, now=datetime.now(UTC))


def wait(environment, run_id):
    """How the computation ended, as soon as it has."""
    wait_until(lambda: (row := found(environment, run_id)) and row.completed_at)
    return found(environment, run_id)


def test_every_result_is_asked_what_of_it_survives_and_the_answer_is_that_of_the_command_line(environment):
    environment.start_worker(ROBUSTNESS="every")
    run_id = environment.enqueue()
    environment.wait(run_id)

    ended = wait(environment, run_id)

    assert (ended.status, ended.error_message, ended.lease_owner) == ("SUCCEEDED", None, None)
    stored = answer(environment, run_id)
    expected = computed(RunRequest.parse(REQUEST), {"SP500": samples.load("SP500")}, tried=Tried(1, 0.0, 0.0))
    assert stored["costs"] == expected["costs"]
    assert stored["verdict"] == expected["verdict"]
    assert stored["deflated"]["trials"] == 1


def test_where_only_what_is_asked_for_is_computed_an_old_run_gets_its_answer_on_request(environment):
    environment.start_worker(ROBUSTNESS="asked")
    run_id = environment.enqueue()
    environment.wait(run_id)
    before = found(environment, run_id)

    ask(environment, run_id)

    assert before is None
    assert wait(environment, run_id).status == "SUCCEEDED"


def test_the_number_of_trials_is_that_of_the_ledger(environment):
    environment.start_worker(ROBUSTNESS="asked")
    ids = [environment.enqueue(slippage_bps=bps) for bps in (0, 1, 2)]
    for run_id in ids:
        environment.wait(run_id)

    ask(environment, ids[0])

    wait(environment, ids[0])
    assert answer(environment, ids[0])["deflated"]["trials"] == 3


@pytest.mark.parametrize("point", ["robustness-begun", "robustness-computed", "robustness-written"])
def test_a_death_of_its_process_loses_nothing(environment, point):
    environment.start_worker(ROBUSTNESS="every")
    armed = environment.arm(point)
    run_id = environment.enqueue()
    environment.wait(run_id)

    ended = wait(environment, run_id)

    assert not armed.exists()
    assert (ended.status, ended.attempts) == ("SUCCEEDED", 1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_ends_in_the_midst_leaves_it_to_the_next_one(environment, number):
    worker = environment.start_worker(ROBUSTNESS="every")
    run_id = environment.enqueue()
    wait_until(lambda: (row := found(environment, run_id)) and row.status == Status.RUNNING)

    worker.send_signal(number)
    worker.wait(LAST_RESORT_SECONDS)
    left = found(environment, run_id)
    environment.start_worker(ROBUSTNESS="every")

    assert left.completed_at is None
    assert wait(environment, run_id).status == "SUCCEEDED"


def test_a_run_whose_rule_is_gone_says_why_it_has_no_answer(environment):
    worker = environment.start_worker(ROBUSTNESS="asked")
    run_id = environment.enqueue_rule("PAUSING")
    environment.wait(run_id)
    worker.terminate()
    worker.wait(LAST_RESORT_SECONDS)
    environment.start_worker(PYTHONPATH="")

    ask(environment, run_id)

    ended = wait(environment, run_id)
    assert (ended.status, ended.error_code) == ("FAILED", "unknown_rule")
    assert "PAUSING" in ended.error_message


def test_what_was_asked_for_last_is_computed_first(environment):
    worker = environment.start_worker(ROBUSTNESS="asked")
    ids = [environment.enqueue(slippage_bps=bps) for bps in (0, 1, 2)]
    for run_id in ids:
        environment.wait(run_id)
    worker.terminate()
    worker.wait(LAST_RESORT_SECONDS)
    for run_id in (*ids, ids[0]):
        ask(environment, run_id)

    environment.start_worker()

    ended = {run_id: wait(environment, run_id).completed_at for run_id in ids}
    assert sorted(ended, key=ended.get) == [ids[0], ids[2], ids[1]]


def test_a_run_without_a_result_cannot_be_asked_and_a_deleted_run_takes_its_answer_along(environment):
    run_id = environment.enqueue()
    with pytest.raises(Conflict, match="is PENDING"):
        ask(environment, run_id)
    environment.start_worker(ROBUSTNESS="every")
    environment.wait(run_id)
    wait(environment, run_id)

    with environment.database.write() as session:
        runs.remove(session, run_id)

    assert found(environment, run_id) is None


def test_a_fork_server_that_dies_while_nothing_is_computed_is_let_go(environment):
    queue = RobustnessQueue(environment.database, lease_seconds=30)
    idle = robustness_worker.RobustnessWorker(environment.settings, queue)
    try:
        idle._server = first = robustness_worker.ForkServer(("json",))
        idle._worked_at = time.monotonic()
        select.select([first], [], [], LAST_RESORT_SECONDS)
        first._process.kill()
        first._process.wait()

        for _ in range(2):  # what it said before it died is read first
            idle.turn(runs=0)

        assert idle.sockets == []
    finally:
        idle.close()
