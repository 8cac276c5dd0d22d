"""Whatever is killed, stopped or taken away: the run ends, has exactly one result or none, and states the cause."""

import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from tests.e2e.harness import variants
from tests.e2e.harness.cluster import name_of, pod_of, until
from tests.e2e.harness.installation import ARGO, argo_alone
from tests.e2e.harness.product import AS_ARGUMENTS, REQUEST

pytestmark = pytest.mark.timeout(600)

BUY_AND_HOLD = {"rule_type": "BUY_AND_HOLD", "params": ""}
CONTROLLER, SERVER = {"app": "workflow-controller"}, {"app": "argo-server"}


def workflow_of(cluster, run_id):
    return until(lambda: cluster.workflows(run_id=run_id), 180, "the workflow is there")[0]


def pod_of_step(cluster, run_id, step, *, seconds=240):
    return until(lambda: pod_of(cluster.pods(run_id=run_id), step), seconds, f"the {step} pod is there")


def at_work(cluster, run_id, step):
    """The step's pod once its main container runs."""

    def running():
        pod = pod_of(cluster.pods(run_id=run_id), step)
        return pod if "running" in states_of(cluster, run_id, step)["main"] else None

    return until(running, 240, f"the {step} pod is at work", pause=0.05)


def states_of(cluster, run_id, step):
    """The state of each container of the step's pod."""
    pod = pod_of(cluster.pods(run_id=run_id), step) or {"status": {}}
    states = {each["name"]: each["state"] for each in pod["status"].get("containerStatuses", ())}
    return {"main": {}} | states


def pod_ended(cluster, run_id, step):
    pod = pod_of(cluster.pods(run_id=run_id), step)
    return pod and pod["status"].get("phase") in ("Succeeded", "Failed")


def uids_of(cluster, run_id, step):
    """The pods of a step; one that follows another may have its name, but never its uid."""
    return {each["metadata"]["uid"] for each in cluster.pods(run_id=run_id) if f"-{step}-" in name_of(each)}


def succeeded_once(product, run_id, *, seconds=240):
    run = product.ended(run_id, seconds=seconds)
    assert run["status"] == "SUCCEEDED", run["error_message"]
    assert product.results_of(run_id) == 1
    return run


def failed(product, run_id, code, *, seconds=240):
    run = product.ended(run_id, seconds=seconds)
    assert (run["status"], run["error_code"]) == ("FAILED", code), run["error_message"]
    assert product.results_of(run_id) == 0
    return run["error_message"]


def by_hand(cluster, *changes, **arguments):
    workflow = variants.start(cluster, *changes, **arguments)
    return cluster.workflow(workflow)["metadata"]["uid"]


@pytest.fixture
def slow(cluster):
    """A rule that thinks each time it is asked, so that something can happen meanwhile."""
    return variants.with_rule(cluster, "slow-rule", "import time; time.sleep(1.5)")


@contextmanager
def row_held(product, run_id, *, seconds):
    """The run's row is locked by another client: the persist step waits inside of its transaction."""
    holder = subprocess.Popen(product.hold_row(run_id, seconds), stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline().strip() == run_id
        yield
    finally:
        holder.kill()
        holder.communicate()
        product.release_rows()


def submitted_to_argo(cluster, product):
    """A run whose row knows its workflow and whose engine pod is there."""
    run_id = product.submit()
    pod_of_step(cluster, run_id, "engine")
    until(lambda: product.run(run_id)["workflow_name"], 120, "the row knows its workflow")
    return run_id


@contextmanager
def persist_waiting(cluster, product, run_id):
    """The pod of the persist step, which waits for its row inside of its transaction."""
    with row_held(product, run_id, seconds=300):
        pod = at_work(cluster, run_id, "persist")
        until(lambda: product.waits_for_a_row(pod), 180, "the transaction waits")
        yield pod


def test_the_web_is_killed_between_commit_and_submission(cluster, product, record_property):
    run_id = str(uuid.uuid4())
    product.call("GET", "/health")
    cluster.kubectl("exec", "deployment/web", "--", "touch", "/tmp/submit-committed")

    try:
        answer = product.call("POST", "/run_backtest", json=REQUEST | {"run_id": run_id}, patience=0)
        heard = str(answer.status_code)
    except (requests.ConnectionError, ConnectionError):
        heard = "nothing"

    succeeded_once(product, run_id)
    left = cluster.kubectl("exec", "deployment/web", "--", "ls", "/tmp")
    record_property("seen", f"the client heard {heard}; the dispatcher started the run")
    assert heard == "nothing"
    assert "submit-committed" not in left.split()


def test_the_pod_of_the_web_is_killed_while_runs_are_under_way(cluster, product, record_property):
    ids = [product.submit() for _ in range(3)]
    (web,) = [name_of(each) for each in cluster.pods(app="web")]

    cluster.kill(web)

    for run_id in ids:
        succeeded_once(product, run_id)
    record_property("seen", f"{len(ids)} runs SUCCEEDED")


def test_the_dispatcher_is_killed_while_runs_wait(cluster, product):
    ids = [product.submit() for _ in range(3)]
    for pod in cluster.pods(app="dispatcher"):
        cluster.kill(name_of(pod))

    for run_id in ids:
        succeeded_once(product, run_id)


def test_the_engine_pod_is_killed(cluster, product, slow, record_property):
    run_id = by_hand(cluster, slow, variants.kept, **BUY_AND_HOLD)
    killed = at_work(cluster, run_id, "engine")

    cluster.kill(name_of(killed))

    succeeded_once(product, run_id)
    again = uids_of(cluster, run_id, "engine") - {killed["metadata"]["uid"]}
    record_property("seen", f"{name_of(killed)} was followed by another pod")
    assert len(again) == 1


def test_the_persist_pod_is_killed_inside_of_its_transaction(cluster, product, record_property):
    run_id = submitted_to_argo(cluster, product)

    with persist_waiting(cluster, product, run_id) as pod:
        cluster.kill(name_of(pod))
        before = product.results_of(run_id)

    run = succeeded_once(product, run_id)
    record_property("seen", f"{before} results when it was killed, then {run['status']}")
    assert before == 0


@pytest.mark.parametrize(
    ("step", "point"),
    [
        ("engine", "outcome-computed"),
        ("persist", "persist-begun"),
        ("persist", "result-written"),
        ("persist", "result-committed"),
    ],
)
def test_a_step_dies_at_a_named_point_of_its_code(cluster, product, step, point, record_property):
    workflow = variants.start(cluster, variants.dying_at(step, point), variants.kept)
    run_id = cluster.workflow(workflow)["metadata"]["uid"]

    succeeded_once(product, run_id)

    until(lambda: cluster.phase(workflow) == "Succeeded", 120, "the workflow has ended")
    nodes = cluster.status(workflow)["nodes"].values()
    attempts = [each for each in nodes if each["type"] == "Pod" and each["templateName"] == step]
    messages = [each.get("message", "") for each in attempts]
    record_property("seen", f"{len(attempts)} attempts: {'; '.join(filter(None, messages))}")
    assert [each["phase"] for each in sorted(attempts, key=lambda e: e["startedAt"])] == [
        "Failed",
        "Succeeded",
    ]
    assert product.results_of(run_id) == 1


def attempts_in(cluster, pod):
    """How often the step in a pod has found the database unavailable."""
    lines = cluster.kubectl("logs", name_of(pod), "-c", "main").splitlines()
    return sum('"level": "warning"' in line for line in lines)


def test_mysql_is_away_while_the_result_is_stored_until_the_step_has_tried_again(
    cluster, product, record_property
):
    run_id = submitted_to_argo(cluster, product)
    with persist_waiting(cluster, product, run_id) as pod:
        begun = time.monotonic()
        with cluster.stopped("statefulset/mysql", {"app": "mysql"}):
            until(
                lambda: attempts_in(cluster, pod) >= 10, 280, "the persist step has tried ten times", pause=1
            )
    away = time.monotonic() - begun
    cluster.ready("statefulset/mysql")

    succeeded_once(product, run_id)
    record_property(
        "seen", f"MySQL was away for {away:.0f} s, the run ended {time.monotonic() - begun:.0f} s after"
    )


def test_the_controller_is_stopped_in_the_middle_of_a_run(cluster, product, record_property):
    run_id = product.submit()
    at_work(cluster, run_id, "engine")

    with argo_alone():
        begun = time.monotonic()
        with cluster.stopped("deployment/workflow-controller", CONTROLLER, namespace=ARGO):
            until(lambda: pod_ended(cluster, run_id, "engine"), 240, "the engine pod has ended")
            meanwhile = product.run(run_id)["status"]
            late = product.submit()
        cluster.ready("deployment/workflow-controller", namespace=ARGO)
        away = time.monotonic() - begun
        for each in (run_id, late):
            succeeded_once(product, each)

    record_property("seen", f"away for {away:.0f} s, the run was {meanwhile} meanwhile")
    assert meanwhile in ("PENDING", "RUNNING")


def test_argo_server_is_away_when_a_run_is_submitted(cluster, product, record_property):
    with argo_alone():
        with cluster.stopped("deployment/argo-server", SERVER, namespace=ARGO):
            begun = time.monotonic()
            run_id = product.submit()
            answered = time.monotonic() - begun
            time.sleep(3)
            meanwhile = product.run(run_id)["status"]
        cluster.ready("deployment/argo-server", namespace=ARGO)
        succeeded_once(product, run_id)

    record_property("seen", f"accepted in {answered:.1f} s, {meanwhile} meanwhile")
    assert meanwhile == "PENDING"


def test_a_workflow_is_deleted(cluster, product, record_property):
    run_id = product.submit()
    workflow = name_of(workflow_of(cluster, run_id))
    pod_of_step(cluster, run_id, "engine")
    until(lambda: product.run(run_id)["workflow_name"], 120, "the row knows its workflow")

    cluster.kubectl("delete", "workflow", workflow, "--wait=false")

    message = failed(product, run_id, "workflow_vanished")
    record_property("seen", message)
    assert "was deleted in the cluster before it had ended" in message
    until(lambda: not cluster.pods(run_id=run_id), 240, "its pods are gone")


def test_a_workflow_is_terminated(cluster, product, record_property):
    run_id = product.submit()
    workflow = name_of(workflow_of(cluster, run_id))
    pod_of_step(cluster, run_id, "engine")

    cluster.argo("terminate", workflow)

    message = failed(product, run_id, "stopped")
    record_property("seen", message)
    assert "stopped in Argo Workflows" in message


def test_a_workflow_is_stopped_as_the_argo_ui_offers_it(cluster, product, record_property):
    run_id = product.submit()
    workflow = name_of(workflow_of(cluster, run_id))
    pod_of_step(cluster, run_id, "engine")

    cluster.argo("stop", workflow)

    record_property("seen", failed(product, run_id, "stopped"))


def test_a_step_that_says_why_it_failed_is_quoted_by_the_dispatcher(cluster, product, record_property):
    run_id = by_hand(cluster, variants.trying_once, symbols="NOWHERE")

    message = failed(product, run_id, "invalid_request")

    record_property("seen", f"the dispatcher wrote: {message}")
    assert "No price data for NOWHERE" in message


def test_the_artifact_store_is_away_for_a_while(cluster, product, installation, slow, record_property):
    run_id = by_hand(cluster, slow, **BUY_AND_HOLD)
    at_work(cluster, run_id, "engine")

    installation.take_store_away()
    try:
        until(
            lambda: "terminated" in states_of(cluster, run_id, "engine")["main"], 240, "the engine has ended"
        )
        time.sleep(5)  # Argo's container has tried to store the result
        meanwhile = product.run(run_id)["status"]
    finally:
        installation.store_addresses()

    succeeded_once(product, run_id)
    record_property("seen", f"away while the result was to be stored, the run was {meanwhile} meanwhile")


def test_the_artifact_store_stays_away(cluster, product, installation, record_property):
    installation.take_store_away()
    try:
        run_id = by_hand(cluster, variants.trying_once)
        message = failed(product, run_id, "artifact_store", seconds=400)
    finally:
        installation.store_addresses()

    record_property("seen", message)
    assert "could not reach the artifact store" in message


def test_ten_clients_submit_the_same_run_at_once(cluster, product, record_property):
    run_id = str(uuid.uuid4())
    product.call("GET", "/health")

    with ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(lambda _: product.submit(run_id=run_id), range(10)))
    seen = {each["metadata"]["uid"] for each in cluster.workflows(run_id=run_id)}

    succeeded_once(product, run_id)
    record_property("seen", f"{len(answers)} answers, {len(seen)} workflow")
    assert set(answers) == {run_id}
    assert len(seen) == 1


def test_a_second_workflow_of_a_run_changes_nothing(cluster, product, record_property):
    run_id = product.submit()
    workflow_of(cluster, run_id)

    second = cluster.submit("backtest", **AS_ARGUMENTS, run_id=run_id)
    cluster.argo("terminate", second)

    run = succeeded_once(product, run_id)
    record_property("seen", f"{second} was terminated, {run['workflow_name']} stored the result")
    assert run["workflow_name"] == f"bt-{run_id}"


def test_a_second_look_at_everything_is_made_by_a_cron_job(cluster, product):
    cluster.kubectl("create", "job", "look", "--from=cronjob/reconcile-runs")

    cluster.kubectl("wait", "--for=condition=complete", "--timeout=120s", "job/look")


def test_after_all_that_the_database_is_whole_and_no_run_is_open(cluster, product, record_property):
    until(lambda: product.open_runs() == 0, 120, "every run has ended")

    said = cluster.kubectl("exec", "deployment/web", "--", "python", "-m", "store", "check")

    record_property("seen", said.strip().splitlines()[-1])
