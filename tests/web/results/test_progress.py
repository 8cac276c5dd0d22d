"""The page of a run that has not ended, or not well."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.settings import Settings
from store.models import Run
from store.queries import runs
from tests.web.conftest import PAGE, complete
from web.application import create_app


def page_of(client, run_id, tab=""):
    return client.get(f"/runs/{run_id}{tab}", headers=PAGE).text


def begin(filled_database, run_id, stage, progress):
    with filled_database.write() as session:
        runs.start(session, run_id, engine_version=1, now=datetime.now(UTC))
        runs.report(session, run_id, stage=stage, progress=progress)


def test_a_waiting_run_says_how_many_are_before_it_and_asks_again_without_scripts(client, submit):
    submit(size=10)

    page = page_of(client, submit())

    assert "Queued, 1 ahead" in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert "Cancel run" in page


@pytest.mark.parametrize(
    ("stage", "states"),
    [
        ("loading", ["done", "now", "next", "next"]),
        ("simulating", ["done", "done", "now", "next"]),
        ("saving", ["done", "done", "done", "now"]),
    ],
)
def test_a_running_run_shows_its_stage_among_the_four(client, filled_database, submit, stage, states):
    run_id = submit()
    begin(filled_database, run_id, stage, 0.63)

    page = page_of(client, run_id)

    labels = ("Queued", "Loading", "Simulating", "Saving")
    for label, state in zip(labels, states, strict=True):
        assert f'<li data-state="{state}">{label}</li>' in page
    assert 'value="0.63"' in page
    assert client.get(f"/api/runs/{run_id}").json["progress"] == 0.63


def test_a_running_run_says_how_many_of_all_its_bars_are_done(client, filled_database, submit):
    run_id = submit(symbols=["SP500", "NASDAQ"], start_date="2009-01-02", end_date="2018-12-31")
    begin(filled_database, run_id, "look-ahead", 0.25)

    page = page_of(client, run_id)

    # both have 5,031 bars from 1999 to 2018, and those before 2009 warm the rule up
    assert 'data-bars="10062"' in page
    assert "2,515 of 10,062 bars done" in page


@pytest.mark.parametrize("tab", ["?tab=trades", "?tab=returns"])
def test_the_address_of_a_tab_shows_the_progress_until_there_is_a_result(
    client, filled_database, submit, tab
):
    run_id = submit()
    before = page_of(client, run_id, tab)

    complete(filled_database, run_id)

    assert 'id="watch"' in before
    assert '<dl class="kpis">' in page_of(client, run_id, tab)


def test_a_run_that_failed_asks_for_nothing_again(client, filled_database, submit):
    run_id = submit()
    with filled_database.write() as session:
        runs.fail(
            session, run_id, code="out_of_memory", message="Needed more than 512 MiB.", now=datetime.now(UTC)
        )

    page = page_of(client, run_id)

    assert "Needed more than 512 MiB." in page
    assert "<code>out_of_memory</code>" in page
    assert "http-equiv" not in page
    assert "watch.js" not in page


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://argo.example/", '<a href="https://argo.example/workflows/lab/backtest-1">backtest-1</a>'),
        ("", "<dd>backtest-1</dd>"),
    ],
)
@pytest.mark.parametrize("ended", [False, True])
def test_a_run_on_a_cluster_names_its_workflow_and_links_to_it(
    filled_database, submit, address, shown, ended
):
    run_id = submit()
    with filled_database.write() as session:
        session.get(Run, run_id).workflow_name = "backtest-1"
    if ended:
        complete(filled_database, run_id)
    settings = replace(
        Settings(), database_url=str(filled_database.engine.url), argo_ui_url=address, argo_namespace="lab"
    )

    page = page_of(create_app(settings, database=filled_database).test_client(), run_id)

    assert shown in page


def test_a_run_on_one_machine_names_no_workflow(client, submit):
    assert "Workflow" not in page_of(client, submit())
