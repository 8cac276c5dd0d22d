"""What of a result survives, asked for on the page and computed in pods: with the answer of the command line."""

import json

import pytest

from backtest import samples
from backtest.robustness import robustness as computed
from backtest.run.request import RunRequest
from tests.e2e.harness.cluster import name_of, until
from tests.e2e.harness.product import REQUEST

pytestmark = pytest.mark.timeout(900)


def answer_of(product, run_id):
    return dict(product.call("GET", f"/api/runs/{run_id}/robustness").json())


def asked(product, run_id):
    """Ask for it as the page does; how it ended."""
    answer = product.call("POST", f"/runs/{run_id}/robustness", headers={"Accept": "application/json"})
    assert answer.status_code == 202, answer.text
    until(lambda: answer_of(product, run_id)["completed_at"], 300, f"the robustness of {run_id} is answered")
    return answer_of(product, run_id)


def test_the_page_asks_what_of_a_result_survives_and_pods_answer_as_the_command_line_does(
    cluster, product, record_property
):
    run_id = product.submit()
    product.ended(run_id)

    found = asked(product, run_id)

    prices = {symbol: samples.load(symbol) for symbol in REQUEST["symbols"]}
    expected = json.loads(json.dumps(computed(RunRequest.parse(REQUEST), prices)))
    record_property("seen", found["robustness"]["verdict"] if found["robustness"] else found["error_message"])
    assert (found["status"], found["error_message"]) == ("SUCCEEDED", None)
    for part in ("figures", "costs", "break_even", "fills", "starts", "bands", "order_of_trades", "luck"):
        assert found["robustness"][part] == expected[part]
    page = product.call("GET", f"/runs/{run_id}?tab=robustness", headers={"Accept": "text/html"}).text
    assert found["robustness"]["verdict"] in page


def test_its_pods_being_killed_it_is_answered_all_the_same(cluster, product, record_property):
    run_id = product.submit()
    product.ended(run_id)
    product.call("POST", f"/runs/{run_id}/robustness", headers={"Accept": "application/json"})
    pod = until(
        lambda: cluster.pods(app="backtest-robustness", run_id=run_id), 120, "its first pod is there"
    )[0]
    cluster.kill(name_of(pod))

    until(lambda: answer_of(product, run_id)["completed_at"], 300, "it is answered")

    found = answer_of(product, run_id)
    record_property("seen", f"{name_of(pod)} was killed: {found['status']}")
    assert (found["status"], found["error_message"]) == ("SUCCEEDED", None)


def test_a_workflow_of_a_person_stores_no_answer_and_says_where_to_ask(cluster, product, record_property):
    workflow = cluster.submit("backtest-robustness")
    until(lambda: cluster.phase(workflow) == "Failed", 180, "the workflow has ended")
    until(
        lambda: "on the page of the run" in cluster.status(workflow).get("message", ""),
        60,
        "the message is set",
    )

    uid = cluster.workflow(workflow)["metadata"]["uid"]
    record_property("seen", cluster.status(workflow)["message"])
    assert product.sql(f"SELECT COUNT(*) FROM robustness WHERE run_id = '{uid}'") == [["0"]]
