"""A run is the same run whichever door it comes through; a failure says why, a success leaves nothing behind."""

import json
import time
import uuid

import pytest
import requests

from tests.e2e import variants
from tests.e2e.cluster import name_of, pod_of, until
from tests.e2e.product import AS_ARGUMENTS, REQUEST
from tests.web.product import running


@pytest.fixture(scope="module")
def local_hash(tmp_path_factory):
    """The result_hash that the product of one machine gives to the same request."""
    with running(tmp_path_factory.mktemp("local")) as address:
        run_id = requests.post(f"{address}/run_backtest", json=REQUEST, timeout=30).json()["run_id"]
        asked = f"{address}/api/runs/{run_id}"
        until(lambda: requests.get(asked, timeout=30).json()["status"] == "SUCCEEDED", 60, "LOCAL has it")
        return requests.get(asked, timeout=30).json()["result_hash"]


def gone(cluster, run_id):
    return not cluster.workflows(run_id=run_id) and not cluster.pods(run_id=run_id)


def test_a_run_of_the_web_succeeds_with_the_result_of_local(product, local_hash, record_property):
    begun = time.monotonic()
    run_id = product.submit()

    run = product.ended(run_id)

    record_property("seen", f"SUCCEEDED after {time.monotonic() - begun:.1f} s, {run['result_hash'][:12]}…")
    assert (run["status"], run["result_hash"]) == ("SUCCEEDED", local_hash)
    assert product.results_of(run_id) == 1


def test_its_workflow_and_pods_are_gone_within_seconds(cluster, product, record_property):
    run_id = product.submit()
    product.ended(run_id)

    begun = time.monotonic()
    until(lambda: gone(cluster, run_id), 60, "workflow and pods are gone")

    record_property("seen", f"gone {time.monotonic() - begun:.1f} s after SUCCEEDED")


def test_progress_is_seen_in_the_web_while_it_runs(product, record_property):
    run_id = product.submit()

    stages = []
    while (run := product.run(run_id))["status"] in ("PENDING", "RUNNING"):
        if run["stage"] not in stages:
            stages.append(run["stage"])
        time.sleep(0.05)

    record_property("seen", " → ".join([*stages, run["stage"]]))
    assert run["status"] == "SUCCEEDED"
    assert "computing" in stages


def test_a_submission_with_the_form_of_the_argo_ui_appears_in_the_web(
    cluster, product, local_hash, record_property
):
    workflow = cluster.submit("backtest", **AS_ARGUMENTS)
    run_id = cluster.workflow(workflow)["metadata"]["uid"]

    run = product.ended(run_id)

    listed = product.call("GET", "/api/runs").json()["runs"]
    record_property("seen", f"workflow {workflow}, run {run_id}")
    assert (run["status"], run["result_hash"]) == ("SUCCEEDED", local_hash)
    assert run["workflow_name"] == workflow
    assert run_id in {each["run_id"] for each in listed}
    assert product.call("GET", f"/runs/{run_id}").status_code == 200


def test_a_run_id_that_is_given_in_the_argo_ui_is_kept_and_is_the_run_of_the_web(cluster, product):
    run_id = str(uuid.uuid4())

    cluster.submit("backtest", **AS_ARGUMENTS, run_id=run_id)

    assert product.ended(run_id)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"params": '{"fast": 30, "slow": 10}'}, "fast"),
        ({"symbols": "NOWHERE"}, "has no prices for NOWHERE"),
        ({"rule_type": "EXPRESSION", "params": '{"entry": "sma(close, 5", "exit": "0"}'}, "entry"),
    ],
    ids=["parameters", "symbol", "expression"],
)
def test_a_failing_rule_is_failed_with_the_reason_and_its_workflow_is_kept(
    cluster, product, changes, said, record_property
):
    workflow = cluster.submit("backtest", **AS_ARGUMENTS | changes)
    run_id = cluster.workflow(workflow)["metadata"]["uid"]

    run = product.ended(run_id)

    record_property("seen", f"{run['error_code']}: {run['error_message']}")
    assert (run["status"], run["error_code"]) == ("FAILED", "invalid_request")
    assert said in run["error_message"]
    until(lambda: cluster.workflow(workflow)["status"]["phase"] == "Failed", 60, "the workflow has ended")
    engines = [
        each for each in cluster.workflow(workflow)["status"]["nodes"].values() if each["type"] == "Pod"
    ]
    assert [each["templateName"] for each in engines].count("engine") == 1  # bad input is not tried again


def test_the_story_of_a_run_is_told_by_its_run_id(cluster, product, record_property):
    workflow = cluster.submit("backtest", **AS_ARGUMENTS | {"symbols": "NOWHERE"})
    run_id = cluster.workflow(workflow)["metadata"]["uid"]
    product.ended(run_id)
    until(lambda: cluster.workflow(workflow)["status"]["phase"] == "Failed", 60, "the workflow has ended")

    by_label = cluster.kubectl("logs", "-l", f"run_id={run_id}", "-c", "main", "--tail=-1")
    by_argo = cluster.argo("logs", workflow, "--no-color")
    by_web = cluster.kubectl("logs", "-l", "app in (web, dispatcher)", "--tail=-1")

    lines = [json.loads(line) for line in by_label.splitlines() if line.startswith("{")]
    told = [json.loads(line.partition(": ")[2]) for line in by_argo.splitlines() if ": {" in line]
    record_property("seen", "; ".join(line["event"] for line in lines if "event" in line))
    steps = [line for line in lines if "event" in line]
    assert {line["run_id"] for line in steps} == {run_id}
    assert {line["run_id"] for line in told if "event" in line} == {run_id}
    assert len(steps) >= 2
    assert any(run_id in line for line in by_web.splitlines())
    assert cluster.workflows(run_id=run_id)


def test_no_line_of_any_log_holds_a_password_or_a_token(cluster, stage):
    said = cluster.kubectl(
        "logs", "-l", "app in (web, dispatcher, backtest)", "--all-containers", "--tail=-1"
    )

    assert len(said) > 1_000
    assert [name for name, password in stage.passwords.items() if password in said] == []
    assert "Bearer ey" not in said


def test_a_cancelled_run_has_its_workflow_stopped(cluster, product, record_property):
    run_id = product.submit()
    until(lambda: pod_of(cluster.pods(run_id=run_id), "engine"), 60, "the engine pod is there")

    answer = product.call("POST", f"/runs/{run_id}/cancel", headers={"Accept": "application/json"})

    begun = time.monotonic()
    until(
        lambda: all(each["status"]["phase"] == "Failed" for each in cluster.workflows(run_id=run_id)),
        60,
        "the workflow has ended",
    )
    record_property("seen", f"the workflow ended {time.monotonic() - begun:.1f} s later")
    assert answer.json()["status"] == "CANCELLED"
    until(
        lambda: all(each["status"]["phase"] != "Running" for each in cluster.pods(run_id=run_id)),
        60,
        "no pod runs",
    )
    assert product.run(run_id)["status"] == "CANCELLED"
    assert product.results_of(run_id) == 0


def test_a_step_out_of_memory_is_tried_once_more_with_the_double(cluster, product, record_property):
    workflow = variants.start(cluster, variants.with_memory(40))
    run_id = cluster.workflow(workflow)["metadata"]["uid"]

    run = product.ended(run_id, seconds=240)

    until(lambda: cluster.workflow(workflow)["status"]["phase"] == "Failed", 60, "the workflow has ended")
    pods = [each for each in cluster.pods(run_id=run_id) if "-engine-" in name_of(each)]
    limits = sorted(memory_of(each) for each in pods)
    record_property("seen", f"{' then '.join(limits)}; {run['error_message']}")
    assert limits == ["40Mi", "80Mi"]
    assert (run["status"], run["error_code"]) == ("FAILED", "out_of_memory")
    assert "ran out of memory, also with double the memory" in run["error_message"]


def test_a_run_for_which_the_double_is_enough_succeeds(cluster, product, record_property):
    workflow = variants.start(cluster, variants.with_memory(110), variants.kept)
    run_id = cluster.workflow(workflow)["metadata"]["uid"]

    run = product.ended(run_id, seconds=240)

    limits = sorted(memory_of(each) for each in cluster.pods(run_id=run_id) if "-engine-" in name_of(each))
    record_property("seen", " then ".join(limits))
    assert (run["status"], limits) == ("SUCCEEDED", ["110Mi", "220Mi"])


def memory_of(pod):
    main = next(each for each in pod["spec"]["containers"] if each["name"] == "main")
    return main["resources"]["limits"]["memory"]
