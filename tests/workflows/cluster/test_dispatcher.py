"""Waiting runs start as workflows: oldest first, never too many, each once, whoever asks and however often."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backtest.run.request import RunRequest
from store.queries import runs
from workflows.cluster import parameters
from workflows.cluster.argo_client import ArgoAway, ArgoForbidden, name_of
from workflows.launchers.argo import ArgoLauncher


def test_a_run_is_launched_with_its_request_and_its_prices_as_arguments(house):
    run_id = house.submit(ArgoLauncher(house.settings))

    seen = house.argo.find(name_of(run_id))
    run = house.get(run_id)
    raw, hashes = parameters.read(seen.arguments, run_id)
    assert RunRequest.parse(raw) == runs.request_of(run)
    assert hashes == run.data_hashes
    assert (run.workflow_name, run.workflow_uid, run.status) == (seen.name, seen.uid, "PENDING")
    assert house.server.workflows[seen.name]["metadata"]["labels"] == {"run_id": run_id, "app": "backtest"}


def test_waiting_runs_start_in_the_order_in_which_they_came(house):
    ids = house.submit_many(5)

    started = house.dispatcher.start_waiting()

    assert started == 5
    assert house.submitted_names() == [name_of(run_id) for run_id in ids]


@pytest.mark.parametrize("limit", [2], indirect=True)
def test_more_than_the_cluster_may_run_wait_and_each_end_lets_the_next_one_in(house):
    first, second, third, fourth = house.submit_many(4)

    house.dispatcher.start_waiting()
    full = house.submitted_names()
    house.succeed_in_the_record(first)
    house.dispatcher.start_waiting()

    assert full == [name_of(first), name_of(second)]
    assert house.submitted_names() == [name_of(first), name_of(second), name_of(third)]
    assert house.get(fourth).workflow_uid is None


@pytest.mark.parametrize("limit", [2], indirect=True)
def test_nobody_overtakes_those_who_wait(house):
    house.submit_many(3)
    house.dispatcher.start_waiting()

    late = house.submit(ArgoLauncher(house.settings))

    assert name_of(late) not in house.server.workflows
    assert house.status(late) == "PENDING"


def test_starting_a_run_again_asks_argo_for_nothing(house):
    run_id = house.submit()
    house.dispatcher.start(run_id)
    asked = len(house.server.asked)

    again = house.dispatcher.start(run_id)

    assert (again, len(house.server.asked)) == (False, asked)


def test_a_run_that_has_ended_is_never_started(house):
    run_id = house.submit()
    house.succeed_in_the_record(run_id)

    assert house.dispatcher.start(run_id) is False
    assert house.server.workflows == {}


def test_ten_that_start_the_same_run_at_once_make_one_workflow(house):
    run_id = house.submit()

    with ThreadPoolExecutor(10) as clients:
        list(clients.map(lambda _: house.dispatcher.start(run_id), range(10)))

    assert house.submitted_names() == [name_of(run_id)]
    assert house.get(run_id).workflow_uid == house.argo.find(name_of(run_id)).uid


@pytest.mark.parametrize(
    ("answer", "error"), [((503, {"message": "starting"}), ArgoAway), ((403, {"message": "no"}), ArgoForbidden)]
)  # fmt: skip
def test_where_argo_is_away_or_closed_the_run_waits_and_the_client_is_not_troubled(house, answer, error):
    house.server.answer = answer

    run_id = house.submit(ArgoLauncher(house.settings))
    with pytest.raises(error):
        house.dispatcher.start_waiting()
    house.server.answer = None
    house.dispatcher.start_waiting()

    assert house.status(run_id) == "PENDING"
    assert house.get(run_id).workflow_uid == house.argo.find(name_of(run_id)).uid


def test_a_run_that_argo_refuses_is_failed_with_the_reason_and_the_next_one_starts(house):
    refused, _ = house.submit_many(2)
    accept = house.server.post

    def refuse_once(*request):
        house.server.post = accept
        return 400, {"message": "spec.arguments.symbols is invalid"}

    house.server.post = refuse_once

    assert house.dispatcher.start_waiting() == 1
    run = house.get(refused)
    assert (run.status, run.error_code) == ("FAILED", "launch_refused")
    assert "spec.arguments.symbols is invalid" in run.error_message


def test_a_template_that_is_missing_fails_the_run_at_once_and_names_it(house):
    house.server.templates.clear()

    run_id = house.submit(ArgoLauncher(house.settings))

    run = house.get(run_id)
    assert (run.status, run.error_code) == ("FAILED", "launch_refused")
    assert "WorkflowTemplate backtest is not installed" in run.error_message


def test_a_cancelled_run_has_its_workflow_stopped_and_one_that_cannot_be_reached_is_no_error(house):
    launcher = ArgoLauncher(house.settings)
    run_id = house.submit(launcher)

    launcher.cancel(run_id)
    house.server.answer = (503, {"message": "starting"})
    launcher.cancel(run_id)

    house.server.answer = None
    assert house.argo.find(name_of(run_id)).phase == "Failed"
