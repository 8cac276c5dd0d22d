"""The room of the robustness and its JSON in each of their states, on both kinds of database."""

import re
from datetime import UTC, datetime

import pytest

from config.settings import Settings
from store.queries.studies import robustness
from store.session import Database
from tests.web.conftest import PAGE, with_a_result
from web.application import create_app
from workflows.robustness import robustness_step


@pytest.fixture
def product(database_url):
    """The database, a client, and the id of a finished run of which nothing was computed yet."""
    with with_a_result(database_url) as (app, run_id):
        yield database_url, app.test_client(), run_id


def room(client, run_id):
    """The page, and its text without markup."""
    page = client.get(f"/runs/{run_id}?tab=robustness", headers=PAGE).text
    return page, re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))


def test_a_run_of_which_nothing_was_computed_has_a_button_that_has_it_computed(product):
    url, client, run_id = product
    before = client.get(f"/api/runs/{run_id}/robustness").json
    _, text = room(client, run_id)

    answer = client.post(f"/runs/{run_id}/robustness", headers=PAGE)

    assert (before["status"], before["robustness"]) == (None, None)
    assert "Not computed for this run" in text
    assert (answer.status_code, answer.location) == (303, f"/runs/{run_id}?tab=robustness#rooms")
    assert "Being computed." in room(client, run_id)[1]
    assert client.get(f"/api/runs/{run_id}/robustness").json["status"] == "PENDING"
    robustness_step.compute(Settings(database_url=url), run_id)
    found = client.get(f"/api/runs/{run_id}/robustness").json
    assert found["status"] == "SUCCEEDED"
    assert [step["multiple"] for step in found["robustness"]["costs"]] == [0, 1, 2, 3, 5]


def test_the_room_says_first_what_survives_and_then_every_figure(product):
    url, client, run_id = product
    client.post(f"/runs/{run_id}/robustness")
    robustness_step.compute(Settings(database_url=url), run_id)

    page, text = room(client, run_id)

    found = client.get(f"/api/runs/{run_id}/robustness").json["robustness"]
    assert re.search(r'<h2 id="survives">([^<]*)<', page)[1] == found["verdict"]
    assert text.index(found["verdict"]) < text.index("Break-even costs a side")
    assert f"Over zero: {found['break_even']['return']['bps']:.1f} bps." in text
    for heading in ("Costs", "Fills", "Start date", "Resampled returns", "Order of the trades", "Luck"):
        assert f">{heading}</h2>" in page
    assert f"best of {found['deflated']['trials']} trial would show by luck alone" in text
    assert page.count('<svg class="strip"') == 6


def test_a_failure_says_why_and_can_be_tried_again(product):
    url, client, run_id = product
    client.post(f"/runs/{run_id}/robustness")
    fail(url, run_id)

    page, text = room(client, run_id)

    assert "It could not be computed: The computation was stopped after 600 seconds." in text
    assert "Compute again" in text
    assert client.post(f"/runs/{run_id}/robustness").json["status"] == "PENDING"
    assert "http-equiv" in room(client, run_id)[0]
    assert "http-equiv" not in page


def fail(url, run_id):
    with Database.open(url).write() as session:
        text = "The computation was stopped after 600 seconds."
        robustness.fail(session, run_id, code="timeout", message=text, now=datetime.now(UTC))


def test_a_run_without_a_result_cannot_be_asked(product):
    _, client, _ = product
    run_id = client.post("/run_backtest", json={"symbols": ["SP500"], "rule_type": "BUY_AND_HOLD",
                         "start_date": "2018-01-02", "end_date": "2018-06-29"}).json["run_id"]  # fmt: skip

    answer = client.post(f"/runs/{run_id}/robustness")

    assert answer.status_code == 409
    assert "is PENDING" in answer.json["detail"]
    assert client.get("/api/runs/unknown/robustness").status_code == 404


def test_on_a_cluster_it_is_asked_for_in_the_same_way_and_the_dispatcher_has_it_computed(product):
    url, _, run_id = product
    cluster = create_app(Settings(database_url=url, launcher_mode="K8S")).test_client()
    before = room(cluster, run_id)[1]

    answer = cluster.post(f"/runs/{run_id}/robustness")

    assert "Not computed for this run" in before
    assert (answer.status_code, answer.json["status"]) == (202, "PENDING")
    with Database.open(url).read() as session:
        assert [asked.run_id for asked in robustness.waiting(session, 9, now=datetime.now(UTC))] == [run_id]


def test_the_report_says_what_survives_as_soon_as_it_is_known(product):
    url, client, run_id = product
    before = client.get(f"/runs/{run_id}/report.html").text
    client.post(f"/runs/{run_id}/robustness")
    robustness_step.compute(Settings(database_url=url), run_id)

    report = client.get(f"/runs/{run_id}/report.html").text

    verdict = client.get(f"/api/runs/{run_id}/robustness").json["robustness"]["verdict"]
    assert "<h2>Robustness</h2>" not in before
    assert verdict in report
