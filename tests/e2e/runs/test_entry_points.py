"""A run is the same whichever entry point it is submitted through; a failure says why, a success leaves nothing behind."""

import json
import time
import uuid

import pytest
import requests

from qa.harness.environment import app_running
from tests.e2e.harness import variants
from tests.e2e.harness.cluster import name_of, pod_of, until
from tests.e2e.harness.product import AS_ARGUMENTS, REQUEST

BUY_AND_HOLD = {"rule_type": "BUY_AND_HOLD", "params": ""}


@pytest.fixture(scope="module")
def local_hash(tmp_path_factory):
    """The result_hash that the product of one machine gives to the same request."""
    with app_running(tmp_path_factory.mktemp("local")) as address:
        run_id = requests.post(f"{address}/run_backtest", json=REQUEST, timeout=60).json()["run_id"]
        asked = f"{address}/api/runs/{run_id}"
        until(lambda: requests.get(asked, timeout=60).json()["status"] == "SUCCEEDED", 180, "LOCAL has it")
        return requests.get(asked, timeout=60).json()["result_hash"]


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
    until(lambda: gone(cluster, run_id), 180, "workflow and pods are gone")

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


def ended_workflow(cluster, workflow):
    """The pods of a workflow that has failed and is kept, by template."""
    until(lambda: cluster.phase(workflow) == "Failed", 240, "the workflow has ended")
    nodes = cluster.status(workflow)["nodes"].values()
    return [(each["templateName"], each.get("message", "")) for each in nodes if each["type"] == "Pod"]


def failed(cluster, product, workflow, code):
    """The message of the run of a workflow that failed with this code after one attempt, and what was seen."""
    run = product.ended(cluster.workflow(workflow)["metadata"]["uid"])
    pods = [template for template, _ in ended_workflow(cluster, workflow)]
    assert (run["status"], run["error_code"]) == ("FAILED", code)
    assert pods.count("engine") == 1  # the same again would fail the same way
    return run["error_message"], f"{code}: {run['error_message']}"


def test_a_failing_rule_is_failed_with_the_reason_and_its_workflow_is_kept(cluster, product, record_property):
    broken = variants.with_rule(cluster, "broken-rule", "raise ZeroDivisionError('the rule divides by zero')")
    workflow = variants.start(cluster, broken, **BUY_AND_HOLD)

    message, seen = failed(cluster, product, workflow, "engine_failed")

    record_property("seen", seen)
    assert "ZeroDivisionError: the rule divides by zero" in message


def test_prices_that_are_not_there_are_named_in_the_web(cluster, product, record_property):
    workflow = cluster.submit("backtest", **AS_ARGUMENTS | {"symbols": "NOWHERE"})

    message, seen = failed(cluster, product, workflow, "invalid_request")

    record_property("seen", seen)
    assert "No price data for NOWHERE" in message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"params": '{"fast": 30, "slow": 10}'}, "params.fast: must be smaller than slow"),
        ({"rule_type": "EXPRESSION", "params": '{"entry": "sma(close, 5", "exit": "0"}'}, "params.entry"),
        ({"start_date": "yesterday"}, "start_date: must be a date (YYYY-MM-DD), got 'yesterday'"),
        ({"colour": "red"}, "colour: is not a known field"),
        ({"run_id": "my first run"}, "run_id: must be a UUID4 in lower case, or empty"),
    ],
    ids=["parameters", "expression", "date", "unknown argument", "run id"],
)
def test_a_mistake_is_a_failed_run_in_the_web_and_the_message_of_the_workflow_in_argo(
    cluster, product, changes, said, record_property
):
    workflow = cluster.submit("backtest", **AS_ARGUMENTS | changes)
    run_id = cluster.workflow(workflow)["metadata"]["uid"]

    run = product.ended(run_id)
    pods = dict(ended_workflow(cluster, workflow))
    until(lambda: cluster.status(workflow).get("message"), 60, "the workflow has its message")

    message = cluster.status(workflow)["message"]
    record_property("seen", message)
    assert (run["status"], run["error_code"]) == ("FAILED", "invalid_request")
    assert said in run["error_message"]
    assert said in pods["engine"]
    assert said in message
    assert not message.startswith("{")
    assert product.call("GET", f"/runs/{run_id}").status_code == 200


@pytest.mark.parametrize("template", ["backtest", "backtest-quick"])
def test_the_untouched_form_succeeds_and_stays_for_its_reader(cluster, product, template, record_property):
    workflow = cluster.submit(template)
    run_id = cluster.workflow(workflow)["metadata"]["uid"]

    run = product.ended(run_id)
    until(lambda: cluster.phase(workflow) == "Succeeded", 180, "the workflow has ended")

    there = cluster.workflow(workflow)
    main = next(node for node in there["status"]["nodes"].values() if node["name"] == workflow)
    shown = {each["name"]: each["value"] for each in main["outputs"]["parameters"]}
    annotations = there["metadata"]["annotations"]
    record_property("seen", f"{annotations['workflows.argoproj.io/title']}: {shown}")
    assert run["status"] == "SUCCEEDED"
    assert shown["total_return"] == f"{run['metrics']['total_return']:.2%}"
    assert shown["num_trades"] == f"{run['metrics']['num_trades']}"
    assert annotations["workflows.argoproj.io/title"] == "Moving average cross on SP500"
    assert (annotations["rule"], annotations["symbols"]) == ("MOVING_AVERAGE_CROSS", "SP500")
    assert there["metadata"]["labels"]["run_id"] == run_id
    assert there["spec"].get("ttlStrategy") is None  # that of the template: a quarter of an hour


def test_a_step_alone_is_refused_with_the_entrypoint_to_choose(cluster):
    with pytest.raises(Exception, match="choose_main_as_entrypoint"):
        cluster.argo("submit", "--from", "workflowtemplate/backtest", "--entrypoint", "engine")


def test_the_logs_of_a_run_are_found_by_its_run_id(cluster, product, record_property):
    workflow = cluster.submit("backtest", **AS_ARGUMENTS | {"symbols": "NOWHERE"})
    run_id = cluster.workflow(workflow)["metadata"]["uid"]
    product.ended(run_id)
    until(lambda: cluster.phase(workflow) == "Failed", 180, "the workflow has ended")

    by_label = cluster.kubectl("logs", "-l", f"run_id={run_id}", "-c", "main", "--tail=-1")
    by_argo = cluster.argo("logs", workflow, "--no-color")
    by_web = cluster.kubectl("logs", "-l", "app in (web, dispatcher)", "--tail=-1")

    lines = [json.loads(line) for line in by_label.splitlines() if line.startswith("{")]
    told = [json.loads(line.partition(": ")[2]) for line in by_argo.splitlines() if ": {" in line]
    record_property("seen", "; ".join(line["event"] for line in lines if "event" in line))
    steps = [line for line in lines if "event" in line]
    assert {line["run_id"] for line in steps} == {run_id}
    assert {line["run_id"] for line in told if "event" in line} == {run_id}
    assert len(steps) >= 1
    assert any(run_id in line for line in by_web.splitlines())
    assert cluster.workflows(run_id=run_id)


def test_no_line_of_any_log_holds_a_password_or_a_token(cluster, installation):
    ended = {"Failed", "Error"}  # a success goes with its log
    kept = [
        name_of(each)
        for workflow in cluster.workflows(app="backtest")
        if cluster.phase(name_of(workflow)) in ended
        for each in cluster.pods(**{"workflows.argoproj.io/workflow": name_of(workflow)})
    ]

    told = [cluster.kubectl("logs", name, "--all-containers", "--tail=-1") for name in kept]
    said = "".join([*told, cluster.kubectl("logs", "-l", "app in (web, dispatcher)", "--tail=-1")])

    assert len(kept) >= 4
    assert len(said) > 1_000
    assert [name for name, password in installation.passwords.items() if password in said] == []
    assert "Bearer ey" not in said


def test_a_cancelled_run_has_its_workflow_stopped(cluster, product, record_property):
    run_id = product.submit()
    until(lambda: pod_of(cluster.pods(run_id=run_id), "engine"), 180, "the engine pod is there")

    answer = product.call("POST", f"/runs/{run_id}/cancel", headers={"Accept": "application/json"})

    begun = time.monotonic()
    until(
        lambda: all(cluster.phase(name_of(each)) == "Failed" for each in cluster.workflows(run_id=run_id)),
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


def eating(cluster, mib):
    """A rule that needs so much memory of its own."""
    return variants.with_rule(cluster, f"rule-of-{mib}-mib", f"eaten = np.ones({mib} << 17)")


def engines_of(cluster, run_id):
    """The memory of each attempt of the engine step."""
    return sorted(memory_of(each) for each in cluster.pods(run_id=run_id) if "-engine-" in name_of(each))


def test_a_step_out_of_memory_is_tried_once_more_with_the_double_and_explained(
    cluster, product, record_property
):
    changes = (variants.with_memory(256), eating(cluster, 2_000))
    run_id = cluster.workflow(variants.start(cluster, *changes, **BUY_AND_HOLD))["metadata"]["uid"]

    run = product.ended(run_id, seconds=240)

    limits = engines_of(cluster, run_id)
    record_property("seen", f"{' then '.join(limits)}; {run['error_message']}")
    assert limits == ["256Mi", "512Mi"]
    assert (run["status"], run["error_code"]) == ("FAILED", "out_of_memory")
    assert "ran out of memory, even with double the memory" in run["error_message"]


def test_a_run_for_which_the_double_is_enough_succeeds(cluster, product, record_property):
    changes = (variants.with_memory(256), variants.kept, eating(cluster, 290))
    run_id = cluster.workflow(variants.start(cluster, *changes, **BUY_AND_HOLD))["metadata"]["uid"]

    run = product.ended(run_id, seconds=240)

    limits = engines_of(cluster, run_id)
    record_property("seen", f"{' then '.join(limits)}, {run['status']}")
    assert (run["status"], limits) == ("SUCCEEDED", ["256Mi", "512Mi"])


def memory_of(pod):
    main = next(each for each in pod["spec"]["containers"] if each["name"] == "main")
    return main["resources"]["limits"]["memory"]
