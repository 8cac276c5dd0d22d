"""Waiting runs start as workflows: oldest first, never too many, each once, however often it is asked for."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backtest.run.request import RunRequest
from store.queries import runs
from workflows.cluster import parameters
from workflows.cluster.argo_client import ArgoForbidden, ArgoUnavailable, name_of
from workflows.launchers.argo import ArgoLauncher


def test_a_run_is_launched_with_its_request_and_its_prices_as_arguments(cluster):
    run_id = cluster.submit(ArgoLauncher(cluster.settings))

    workflow = cluster.argo.find(name_of(run_id))
    run = cluster.get(run_id)
    raw, hashes = parameters.read(workflow.arguments, run_id)
    assert RunRequest.parse(raw) == runs.request_of(run)
    assert hashes == run.data_hashes
    assert (run.workflow_name, run.workflow_uid, run.status) == (workflow.name, workflow.uid, "PENDING")
    assert cluster.server.workflows[workflow.name]["metadata"]["labels"] == {
        "run_id": run_id,
        "app": "backtest",
    }


def test_waiting_runs_start_in_the_order_in_which_they_came(cluster):
    ids = cluster.submit_many(5)

    started = cluster.dispatcher.start_waiting()

    assert started == 5
    assert cluster.submitted_names() == [name_of(run_id) for run_id in ids]


@pytest.mark.parametrize("limit", [2], indirect=True)
def test_more_than_the_cluster_may_run_wait_and_each_end_lets_the_next_one_in(cluster):
    first, second, third, fourth = cluster.submit_many(4)

    cluster.dispatcher.start_waiting()
    full = cluster.submitted_names()
    cluster.succeed_in_the_database(first)
    cluster.dispatcher.start_waiting()

    assert full == [name_of(first), name_of(second)]
    assert cluster.submitted_names() == [name_of(first), name_of(second), name_of(third)]
    assert cluster.get(fourth).workflow_uid is None


@pytest.mark.parametrize("limit", [2], indirect=True)
def test_no_run_overtakes_one_that_waits(cluster):
    cluster.submit_many(3)
    cluster.dispatcher.start_waiting()

    late = cluster.submit(ArgoLauncher(cluster.settings))

    assert name_of(late) not in cluster.server.workflows
    assert cluster.status(late) == "PENDING"


def test_starting_a_run_again_asks_argo_for_nothing(cluster):
    run_id = cluster.submit()
    cluster.dispatcher.start(run_id)
    asked = len(cluster.server.asked)

    again = cluster.dispatcher.start(run_id)

    assert (again, len(cluster.server.asked)) == (False, asked)


def test_a_run_that_has_ended_is_never_started(cluster):
    run_id = cluster.submit()
    cluster.succeed_in_the_database(run_id)

    assert cluster.dispatcher.start(run_id) is False
    assert cluster.server.workflows == {}


def test_ten_that_start_the_same_run_at_once_make_one_workflow(cluster):
    run_id = cluster.submit()

    with ThreadPoolExecutor(10) as clients:
        list(clients.map(lambda _: cluster.dispatcher.start(run_id), range(10)))

    assert cluster.submitted_names() == [name_of(run_id)]
    assert cluster.get(run_id).workflow_uid == cluster.argo.find(name_of(run_id)).uid


@pytest.mark.parametrize(
    ("answer", "error"), [((503, {"message": "starting"}), ArgoUnavailable), ((403, {"message": "no"}), ArgoForbidden)]
)  # fmt: skip
def test_where_argo_is_unavailable_or_forbids_it_the_run_waits_and_the_client_gets_no_error(
    cluster, answer, error
):
    cluster.server.answer = answer

    run_id = cluster.submit(ArgoLauncher(cluster.settings))
    with pytest.raises(error):
        cluster.dispatcher.start_waiting()
    cluster.server.answer = None
    cluster.dispatcher.start_waiting()

    assert cluster.status(run_id) == "PENDING"
    assert cluster.get(run_id).workflow_uid == cluster.argo.find(name_of(run_id)).uid


def test_a_run_that_argo_refuses_is_failed_with_the_reason_and_the_next_one_starts(cluster):
    refused, _ = cluster.submit_many(2)
    accept = cluster.server.post

    def refuse_once(*request):
        cluster.server.post = accept
        return 400, {"message": "spec.arguments.symbols is invalid"}

    cluster.server.post = refuse_once

    assert cluster.dispatcher.start_waiting() == 1
    run = cluster.get(refused)
    assert (run.status, run.error_code) == ("FAILED", "launch_refused")
    assert "spec.arguments.symbols is invalid" in run.error_message


def test_a_template_that_is_missing_fails_the_run_at_once_and_names_it(cluster):
    cluster.server.templates.clear()

    run_id = cluster.submit(ArgoLauncher(cluster.settings))

    run = cluster.get(run_id)
    assert (run.status, run.error_code) == ("FAILED", "launch_refused")
    assert "WorkflowTemplate backtest is not installed" in run.error_message
