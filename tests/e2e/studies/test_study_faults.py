"""Faults in the midst of a study: nothing lost, nothing twice, finished or finishable, always the same bytes."""

import pytest

from tests.e2e.harness import studies
from tests.e2e.harness.cluster import name_of, until
from tests.e2e.harness.installation import ARGO, argo_alone

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

CONTROLLER = {"app": "workflow-controller"}


@pytest.fixture(scope="module")
def expected():
    """The hash of the study wherever nothing goes wrong."""
    return studies.local_hash()


def workflow_of(cluster, study_id):
    return name_of(until(lambda: cluster.workflows(run_id=study_id), 180, "the workflow is there")[-1])


def pods_of(cluster, study_id, step):
    """The pods of a step that are there."""
    return [each for each in cluster.pods(run_id=study_id) if f"-{step}-" in name_of(each)]


def at_work(cluster, study_id, step):
    """A pod of the step whose main container runs."""

    def running():
        for pod in pods_of(cluster, study_id, step):
            states = {each["name"]: each["state"] for each in pod["status"].get("containerStatuses", ())}
            if "running" in states.get("main", {}):
                return pod
        return None

    return until(running, 300, f"a {step} pod is at work", pause=0.05)


def finish(product, study_id):
    answer = product.call("POST", f"/studies/{study_id}/finish", json={})
    assert answer.status_code == 202, answer.text


def test_pods_of_chunks_are_killed(cluster, product, expected, record_property):
    study_id = studies.submit(product)
    killed = []
    for _ in range(3):
        pod = at_work(cluster, study_id, "chunk")
        cluster.kill(name_of(pod))
        killed.append(name_of(pod))

    found = studies.succeeded(product, study_id)

    record_property(
        "seen", f"{len(killed)} killed, {found['done_chunks']} of {found['chunks']} chunks stored"
    )
    assert found["result_hash"] == expected


@pytest.mark.parametrize("step", ["plan", "judge", "persist"])
def test_the_pod_of_another_step_is_killed(cluster, product, expected, step):
    study_id = studies.submit(product)

    cluster.kill(name_of(at_work(cluster, study_id, step)))

    assert studies.succeeded(product, study_id)["result_hash"] == expected


def test_the_controller_is_restarted(cluster, product, expected, record_property):
    study_id = studies.submit(product)
    at_work(cluster, study_id, "chunk")

    with argo_alone():
        with cluster.stopped("deployment/workflow-controller", CONTROLLER, namespace=ARGO):
            meanwhile = studies.study(product, study_id)["status"]
        cluster.ready("deployment/workflow-controller", namespace=ARGO)
        found = studies.succeeded(product, study_id)

    record_property("seen", f"the study was {meanwhile} meanwhile")
    assert found["result_hash"] == expected


def test_the_workflow_is_deleted_and_the_study_is_finished(cluster, product, expected, record_property):
    study_id = studies.submit(product)
    at_work(cluster, study_id, "chunk")
    cluster.kubectl("delete", "workflow", workflow_of(cluster, study_id), "--wait=false")

    failed = studies.ended(product, study_id)
    finish(product, study_id)

    found = studies.succeeded(product, study_id)
    record_property("seen", failed["error_message"])
    assert (failed["status"], failed["error_code"]) == ("FAILED", "workflow_vanished")
    assert found["result_hash"] == expected


def test_a_study_is_cancelled_and_completed_later(cluster, product, expected, record_property):
    study_id = studies.submit(product)
    at_work(cluster, study_id, "chunk")

    answer = product.call("POST", f"/studies/{study_id}/cancel", json={}).json()
    until(lambda: not pods_of(cluster, study_id, "chunk") or all(
        pod["status"]["phase"] != "Running" for pod in pods_of(cluster, study_id, "chunk")
    ), 120, "its pods have ended")  # fmt: skip
    finish(product, study_id)

    record_property("seen", f"cancelled: {answer['cancelled']}")
    assert studies.succeeded(product, study_id)["result_hash"] == expected


def test_a_second_workflow_of_a_study_under_way_changes_nothing(cluster, product, expected, record_property):
    study_id = studies.submit(product)
    at_work(cluster, study_id, "chunk")
    arguments = {each["name"]: each["value"] for each in
                 cluster.workflow(workflow_of(cluster, study_id))["spec"]["arguments"]["parameters"]}  # fmt: skip

    second = cluster.submit("backtest-sweep", **arguments)

    found = studies.succeeded(product, study_id)
    until(lambda: cluster.phase(second) == "Failed", 120, "the second one has ended")
    record_property("seen", f"{second} was refused: {cluster.status(second).get('message', '')[:200]}")
    assert found["result_hash"] == expected


def test_a_run_is_not_kept_waiting_by_a_study(cluster, product, record_property):
    study_id = studies.submit(product)
    at_work(cluster, study_id, "chunk")

    run_id = product.submit()
    run = product.ended(run_id, seconds=120)
    meanwhile = studies.study(product, study_id)["status"]

    record_property("seen", f"the run ended as {run['status']} while the study was {meanwhile}")
    assert run["status"] == "SUCCEEDED"
    assert studies.succeeded(product, study_id)["status"] == "SUCCEEDED"
