"""Studies on a real cluster: from three entrances, in one pod and in many, with the bytes of a local one."""

import json
import subprocess
import time

import pytest

from tests.e2e.harness import studies
from tests.e2e.harness.cluster import name_of, until
from tests.e2e.harness.installation import NAMESPACE, ROOT

pytestmark = pytest.mark.timeout(2_000)


def workflow_of(cluster, study_id):
    return until(lambda: cluster.workflows(run_id=study_id), 180, "the workflow is there")[-1]


def test_the_untouched_form_of_the_argo_ui_is_a_study_with_a_title_and_figures(
    cluster, product, record_property
):
    workflow = cluster.submit("backtest-sweep")
    study_id = cluster.workflow(workflow)["metadata"]["uid"]

    found = studies.succeeded(product, study_id)
    until(lambda: cluster.phase(workflow) == "Succeeded", 120, "the workflow has ended")

    whole = cluster.workflow(workflow)
    shown = whole["metadata"]["annotations"]
    nodes = {
        node["templateName"]: node for node in whole["status"]["nodes"].values() if node["type"] == "Pod"
    }
    space = {
        "params.fast": {"from": 5, "to": 50, "step": 5},
        "params.slow": {"from": 60, "to": 200, "step": 10},
    }
    outputs = {each["name"]: each["value"] for node in whole["status"]["nodes"].values()
               if node["displayName"] == workflow for each in node.get("outputs", {}).get("parameters", ())}  # fmt: skip
    record_property(
        "seen", f"{shown['workflows.argoproj.io/title']}: {json.dumps(outputs)}, pods {sorted(nodes)}"
    )
    assert found["trials"] == 150
    assert found["result_hash"] == studies.local_hash(space=space)
    assert set(nodes) == {"plan", "judge", "persist"}  # a small one has no pods of chunks
    assert outputs["trials"] == "150"
    assert shown["page"] == "studies"


def test_a_study_from_git_is_submitted_by_the_command_line_of_argo(cluster, product, record_property):
    workflow = cluster.argo("submit", str(ROOT / "k8s/examples/study.yaml"), "-o", "name").strip()
    study_id = cluster.workflow(workflow)["metadata"]["uid"]

    found = studies.succeeded(product, study_id)

    record_property("seen", f"{workflow}: {found['trials']} trials")
    assert product.call("GET", f"/studies/{study_id}").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"space": '{"params.fast": [5, 5]}'}, "must not contain a value twice"),
        ({"symbols": "NOWHERE"}, "No price data for NOWHERE"),
        ({"study_id": "mine"}, "study_id: must be a UUID4"),
    ],
)
def test_a_mistake_is_a_failed_study_in_the_web_and_a_sentence_in_argo(
    cluster, product, arguments, said, record_property
):
    workflow = cluster.submit("backtest-sweep", **arguments)
    study_id = cluster.workflow(workflow)["metadata"]["uid"]

    found = studies.ended(product, study_id)
    until(lambda: cluster.phase(workflow) == "Failed", 120, "the workflow has ended")
    until(lambda: said in cluster.status(workflow).get("message", ""), 60, "the message is set")

    record_property("seen", found["error_message"])
    assert (found["status"], found["error_code"]) == ("FAILED", "invalid_request")
    assert said in found["error_message"]


def test_a_study_of_three_symbols_apart_has_the_bytes_of_a_local_one(product, record_property):
    changes = {
        "symbols": ["GOOG", "NASDAQ", "SP500"],
        "symbols_mode": "each",
        "start_date": "2009-01-02",
        "space": {
            "params.fast": {"from": 2, "to": 99, "step": 1},
            "params.slow": {"from": 3, "to": 100, "step": 1},
        },
    }
    begun = time.monotonic()
    study_id = studies.submit(product, **changes)

    found = studies.succeeded(product, study_id)

    seconds = time.monotonic() - begun
    record_property("seen", f"{found['trials']:,} trials of each, {seconds:.0f} s")
    assert found["result_hash"] == studies.local_hash(**changes)


@pytest.mark.long
def test_a_million_combinations_in_many_pods_have_the_bytes_of_a_local_one(cluster, product, record_property):
    changes = {
        "space": {
            "params.fast": {"from": 2, "to": 501, "step": 1},
            "params.slow": {"from": 2, "to": 1001, "step": 1},
            "stop_loss_pct": [None, 5],
        }
    }
    asked = product.call("POST", "/api/check_study", json=studies.STUDY | changes).json()
    begun = time.monotonic()
    study_id = studies.submit(product, **changes)
    name = name_of(workflow_of(cluster, study_id))
    names, progress, most = set(), [], 0
    while (found := studies.study(product, study_id))["status"] not in ("SUCCEEDED", "FAILED"):
        assert time.monotonic() - begun < 1_800
        nodes = cluster.status(name).get("nodes", {}).values()
        chunk_nodes = [node for node in nodes if node["templateName"] == "chunk" and node["type"] == "Pod"]
        names |= {node["displayName"] for node in nodes if node["templateName"] == "chunk"}
        most = max(most, sum(node["phase"] == "Running" for node in chunk_nodes))
        progress.append(found["progress"])
        time.sleep(1)

    found = studies.succeeded(product, study_id)
    seconds = time.monotonic() - begun
    record_property(
        "seen",
        f"{found['trials']:,} trials in {found['chunks']} chunks, {asked['pods']} pods expected, {seconds:.0f} s, "
        f"at most {most} pods at once, nodes such as {sorted(names)[:2]}",
    )
    assert found["result_hash"] == studies.local_hash(**changes)
    assert progress == sorted(progress)
    assert len(set(progress)) >= 3
    assert any(name.startswith("chunk-1-of-") for name in names)


def test_after_all_that_nothing_of_a_study_is_left_in_the_artifact_store(cluster, store, record_property):
    def left():
        done = subprocess.run(
            ["kubectl", "-n", NAMESPACE, "get", "workflows", "-o", "name"], capture_output=True, text=True, check=True
        ).stdout  # fmt: skip
        return [path for path in store.artifacts() if "/study-" in path and path.split("/")[2] not in done]

    until(lambda: not left(), 180, "artifacts of deleted workflows are gone", pause=2)
    record_property("seen", f"{len(left())} artifacts of studies whose workflow is gone")
