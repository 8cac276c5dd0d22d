"""The Argo UI in a real browser: submit, follow the links, read mistakes, resubmit, retry."""

import uuid

import pytest
from playwright.sync_api import expect

from qa.examples import MINIMAL
from tests.e2e.harness import argo_ui
from tests.e2e.harness.argo_ui import field, picture, send
from tests.e2e.harness.cluster import until
from tests.e2e.harness.installation import ARGO, NAMESPACE

pytestmark = pytest.mark.timeout(900)
OPEN_PAGE = "Open in Stock Backtest"


@pytest.fixture(scope="module")
def ui(cluster, product):
    """The Argo UI, signed in."""
    with argo_ui.signed_in(cluster, product) as ui:
        yield ui


def uid_of(cluster, workflow):
    return cluster.workflow(workflow)["metadata"]["uid"]


def ended(cluster, workflow, phase):
    until(lambda: cluster.phase(workflow) == phase, 240, f"{workflow} is {phase}")


def test_the_untouched_form_succeeds_and_its_link_opens_the_run(ui, cluster, product, record_property):
    page = ui.form("backtest-quick")
    picture(page, "form")

    workflow = send(page, "Submit")

    run = product.ended(uid_of(cluster, workflow))
    ended(cluster, workflow, "Succeeded")
    opened = ui.opened_by(page.get_by_role("button", name=OPEN_PAGE))
    expect(opened.locator("dl.kpis")).to_be_visible()
    assert not page.get_by_text("Workflow gone").is_visible()
    page.reload()
    expect(page.get_by_text("persist(0)", exact=True)).to_be_visible()
    picture(page, "workflow")
    record_property("seen", f"{workflow}: {run['status']}, the link opens {opened.url.rpartition('/')[0]}/…")
    assert run["status"] == "SUCCEEDED"
    assert opened.url.rpartition("/")[2] == run["run_id"]


def test_the_result_stands_among_the_outputs_of_the_workflow(ui, cluster, product, record_property):
    workflow = cluster.submit("backtest-quick")
    run = product.ended(uid_of(cluster, workflow))
    ended(cluster, workflow, "Succeeded")

    page = ui.open(
        f"/workflows/{NAMESPACE}/{workflow}?tab=workflow&nodeId={workflow}&nodePanelView=inputs-outputs"
    )

    for name in ("total_return", "sharpe_ratio", "num_trades"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text(str(run["metrics"]["num_trades"]), exact=True).first).to_be_visible()
    picture(page, "outputs")
    record_property("seen", f"return, Sharpe ratio and {run['metrics']['num_trades']} trades")


def test_a_filled_form_is_the_run_that_was_asked_for(ui, cluster, product):
    page = ui.form("backtest")
    field(page, "symbols").fill("GOOG, SP500")
    field(page, "params").fill('{"fast": 5, "slow": 20}')
    field(page, "start_date").fill("2010-01-04")
    field(page, "end_date").fill("2012-12-31")
    field(page, "stop_loss_pct").fill("10")

    run = product.ended(uid_of(cluster, send(page, "Submit")))

    assert (run["status"], run["symbols"]) == ("SUCCEEDED", ["GOOG", "SP500"])
    assert (run["params"], run["start_date"]) == ({"fast": 5, "slow": 20}, "2010-01-04")


def test_the_page_of_a_run_opens_the_form_filled_with_its_settings(ui, cluster, product, record_property):
    first = product.ended(
        product.submit(**MINIMAL | {"symbols": ["GOOG"], "params": {"fast": 7, "slow": 21}})
    )
    ours = ui.open(f"http://localhost:8080/runs/{first['run_id']}?tab=settings")

    link = ours.get_by_role("link", name="Submit in the Argo UI").get_attribute("href")
    assert link.startswith(f"{argo_ui.ARGO_ADDRESS}/")
    page = ui.open(link.removeprefix(argo_ui.ARGO_ADDRESS))
    expect(field(page, "params")).to_have_value('{"fast": 7, "slow": 21}')
    second = product.ended(uid_of(cluster, send(page, "Submit")))

    record_property("seen", f"both have {first['result_hash'][:12]}…")
    assert second["run_id"] != first["run_id"]
    assert second["result_hash"] == first["result_hash"]


def test_a_mistake_is_in_the_list_and_in_the_web_with_the_same_sentence(
    ui, cluster, product, record_property
):
    page = ui.form("backtest-quick")
    field(page, "start_date").fill("yesterday")

    workflow = send(page, "Submit")

    run = product.ended(uid_of(cluster, workflow))
    ended(cluster, workflow, "Failed")
    listed = ui.open(f"/workflows/{NAMESPACE}?phase=Failed&limit=50")
    row = listed.locator(".workflows-list__row-container").filter(has_text=run["run_id"])
    expect(row).to_contain_text("start_date: must be a date (YYYY-MM-DD), got 'yesterday'")
    expect(row).to_contain_text("SP500")
    picture(listed, "list")
    record_property("seen", run["error_message"])
    assert (run["status"], run["error_code"]) == ("FAILED", "invalid_request")
    assert "start_date: must be a date" in run["error_message"]


def test_the_report_of_a_failure_is_shown_to_a_reader_of_the_artifact_store(
    ui, cluster, product, record_property
):
    workflow = cluster.submit("backtest-quick", start_date="yesterday")
    ended(cluster, workflow, "Failed")
    node = next(
        node["id"] for node in cluster.status(workflow)["nodes"].values()
        if node["type"] == "Pod" and node.get("outputs", {}).get("artifacts")
    )  # fmt: skip
    path = f"/artifact-files/{NAMESPACE}/workflows/{workflow}/{node}/outputs/report"

    shown = ui.asked(path, token=cluster.token("argo-server", namespace=ARGO))
    refused = ui.asked(path, token=cluster.token("argo-user"))

    record_property(
        "seen", f"{shown.headers['content-type']}; argo-user, who may read no Secret, {refused.status}"
    )
    assert shown.status == 200
    assert shown.headers["content-type"].startswith("text/html")
    assert "start_date: must be a date" in shown.text()
    assert refused.status in (401, 403, 500)
    assert "start_date" not in refused.text()


def test_resubmit_is_a_run_of_its_own(ui, cluster, product, record_property):
    first = cluster.submit("backtest-quick")
    before = product.ended(uid_of(cluster, first))
    ended(cluster, first, "Succeeded")

    page = ui.open(f"/workflows/{NAMESPACE}/{first}")
    page.get_by_role("button", name="RESUBMIT").click()
    second = send(page, "Resubmit")

    after = product.ended(uid_of(cluster, second))
    record_property("seen", f"{first} and {second} have one result")
    assert after["run_id"] != before["run_id"]
    assert (after["status"], after["result_hash"]) == ("SUCCEEDED", before["result_hash"])


def test_retry_makes_a_failed_run_succeed_once_its_cause_is_corrected(ui, cluster, product, record_property):
    symbol = f"LATER{uuid.uuid4().hex[:6].upper()}"
    failed = cluster.submit("backtest-quick", symbols=symbol)
    before = product.ended(uid_of(cluster, failed))
    ended(cluster, failed, "Failed")
    cluster.kubectl("exec", "deployment/web", "--", "python", "-m", "store", "import",
                    "backtest/samples/GOOG.csv", "--symbol", symbol)  # fmt: skip

    page = ui.open(f"/workflows/{NAMESPACE}/{failed}")
    page.get_by_role("button", name="RETRY").click()
    page.locator(".white-box").get_by_role("button", name="Retry").click()

    until(lambda: product.run(before["run_id"])["status"] == "SUCCEEDED", 240, "the run SUCCEEDED")
    ended(cluster, failed, "Succeeded")
    record_property("seen", f"{before['status']}: {before['error_message'][:60]}… then SUCCEEDED")
    assert before["status"] == "FAILED"
