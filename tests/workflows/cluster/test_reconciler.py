"""Rows and workflows are brought together again, whatever happened to either."""

import json
import os
import subprocess
import sys
import uuid

import pytest
from sqlalchemy import select

from store.models import Run
from tests.workflows.clusters import pod
from tests.workflows.conftest import ROOT
from workflows.cluster.argo_client import ArgoAway, name_of
from workflows.submission import cancel

RUNNING_ENGINE = [pod("engine", "Running")]
DONE_ENGINE = [pod("engine", "Succeeded"), pod("persist", "Pending")]
RUNNING_PERSIST = [pod("engine", "Succeeded"), pod("persist", "Running")]


def begun(house, **changes):
    run_id = house.submit(**changes)
    house.dispatcher.start(run_id)
    return run_id


def ended(house, run_id):
    run = house.get(run_id)
    return run.status, run.error_code


def test_a_row_that_was_committed_and_never_launched_is_launched(house):
    run_id = house.submit()

    house.reconciler.once()

    assert house.get(run_id).workflow_uid == house.argo.find(name_of(run_id)).uid


def test_a_workflow_whose_row_was_never_told_is_found_by_its_name(house):
    run_id = house.submit()
    seen = house.argo.create(run_id, {"symbols": "SP500"})

    house.reconciler.once()

    assert house.get(run_id).workflow_uid == seen.uid
    assert len(house.server.workflows) == 1


@pytest.mark.parametrize(
    ("nodes", "stage", "progress"),
    [(RUNNING_ENGINE, "computing", 0.3), (DONE_ENGINE, "storing", 0.8), (RUNNING_PERSIST, "storing", 0.9)],
)
def test_progress_is_where_the_workflow_stands(house, nodes, stage, progress):
    run_id = begun(house)
    house.move(run_id, "Running", nodes=nodes)

    house.reconciler.once()

    run = house.get(run_id)
    assert (run.status, run.stage, run.progress) == ("RUNNING", stage, progress)


def test_a_workflow_without_a_pod_leaves_the_run_pending(house):
    run_id = begun(house)
    house.move(run_id, "Running", nodes=[pod("engine", "Pending")])

    house.reconciler.once()

    assert house.status(run_id) == "PENDING"


def test_a_run_of_the_argo_ui_gets_its_row_with_the_request_as_it_came(house):
    run_id = house.by_hand(fee_rate="0.002")

    house.reconciler.once()

    run = house.get(run_id)
    assert (run.symbols, run.fee_rate, run.workflow_name) == (["SP500"], 0.002, "by-hand")
    assert run.received["fee_rate"] == "0.002"
    assert set(run.data_hashes) == {"SP500"}


def test_a_run_of_the_argo_ui_with_an_id_of_its_own_keeps_it(house):
    run_id = str(uuid.uuid4())
    uid = house.by_hand(run_id=run_id)

    house.reconciler.once()

    assert house.get(run_id).workflow_uid == uid


def test_a_workflow_that_asks_for_no_valid_run_is_passed_over(house):
    house.by_hand(name="nonsense", symbols="SP500", start_date="yesterday")
    run_id = house.by_hand()

    house.reconciler.once()
    house.reconciler.once()

    with house.database.read() as session:
        assert list(session.scalars(select(Run.run_id))) == [run_id]


def test_a_deleted_workflow_fails_its_run_and_says_so(house):
    run_id = begun(house)
    house.server.workflows.clear()

    house.reconciler.once()

    assert ended(house, run_id) == ("FAILED", "workflow_vanished")
    assert "was deleted in the cluster" in house.get(run_id).error_message


def test_a_workflow_that_argo_still_keeps_after_somebody_deleted_it_is_stopped(house):
    run_id = begun(house)
    house.move(run_id, "Running")
    workflow = house.server.workflows[name_of(run_id)]
    workflow["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"

    house.reconciler.once()

    assert ended(house, run_id) == ("FAILED", "workflow_vanished")
    assert workflow["status"]["phase"] == "Failed"


def test_a_workflow_that_had_ended_before_it_was_deleted_is_told_by_its_end(house):
    run_id = begun(house)
    house.move(run_id, "Failed", message="Stopped with strategy 'Terminate'")
    house.server.workflows[name_of(run_id)]["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"

    house.reconciler.once()

    assert ended(house, run_id) == ("FAILED", "stopped")


def test_a_workflow_that_no_list_shows_yet_is_asked_for_before_it_is_called_gone(house):
    run_id = begun(house)
    house.server.page_size, listed = 0, house.server.get
    house.server.get = lambda rest, *more: (
        listed(rest, *more) if rest else (200, {"metadata": {}, "items": None})
    )

    house.reconciler.once()

    assert house.status(run_id) == "PENDING"


@pytest.mark.parametrize("everything", [True, False])
def test_a_failed_workflow_whose_exit_handler_said_nothing_is_explained_by_its_pods(house, everything):
    run_id = begun(house)
    said = json.dumps({"error_code": "invalid_request", "error_message": "symbols: has no prices"})
    house.move(
        run_id, "Failed", nodes=[pod("engine", "Failed", message=f"main: Error (exit code 2): {said}")]
    )

    house.reconciler.once(everything=everything)

    assert ended(house, run_id) == ("FAILED", "invalid_request")
    assert house.get(run_id).error_message == "symbols: has no prices"


def test_a_terminated_workflow_is_a_stopped_run(house):
    run_id = begun(house)
    house.argo.stop(name_of(run_id))

    house.reconciler.once()

    assert ended(house, run_id) == ("FAILED", "stopped")


def test_a_workflow_that_succeeded_without_a_result_is_a_failed_run(house):
    run_id = begun(house)
    house.move(run_id, "Succeeded")

    house.reconciler.once()

    assert ended(house, run_id) == ("FAILED", "nothing_stored")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error"])
def test_an_ended_run_stays_as_it_is_whatever_its_workflow_says(house, phase):
    run_id = begun(house)
    house.succeed_in_the_record(run_id)
    house.move(run_id, phase, message="whatever")

    house.reconciler.once(everything=True)

    assert ended(house, run_id) == ("SUCCEEDED", None)


def test_the_workflow_of_a_cancelled_run_is_stopped(house):
    run_id = begun(house)

    class Forgetful:
        def cancel(self, _):
            """As a web that is killed before it has told Argo."""

    cancel(house.database, Forgetful(), run_id)

    house.reconciler.once()

    assert house.argo.find(name_of(run_id)).finished
    assert house.status(run_id) == "CANCELLED"


def test_where_a_run_has_two_workflows_the_first_one_counts_and_the_second_takes_over_when_it_is_gone(house):
    run_id = begun(house)
    second = house.by_hand(name="the-same-again", run_id=run_id)
    house.reconciler.once()
    before = house.get(run_id).workflow_uid

    del house.server.workflows[name_of(run_id)]
    house.reconciler.once()

    assert before != second
    assert (house.status(run_id), house.get(run_id).workflow_uid) == ("PENDING", second)


def test_the_end_of_a_second_workflow_is_not_the_end_of_the_run(house):
    run_id = begun(house)
    house.by_hand(name="the-same-again", run_id=run_id)
    house.server.move("the-same-again", "Failed", message="deleted by somebody")

    house.reconciler.once(everything=True)

    assert house.status(run_id) == "PENDING"


@pytest.mark.parametrize(
    "answer", [(503, {"message": "starting"}), (200, "<html>"), (403, {"message": "no"})]
)
def test_where_argo_is_away_nothing_is_changed(house, answer):
    run_id, waiting = begun(house), house.submit()
    house.server.workflows.clear()
    house.server.answer = answer

    with pytest.raises(Exception, match="Argo Workflows"):
        house.reconciler.once()

    assert (house.status(run_id), house.status(waiting)) == ("PENDING", "PENDING")
    assert house.get(waiting).workflow_uid is None


def test_where_argo_goes_away_between_list_and_question_nothing_is_called_gone(house):
    run_id = begun(house)
    house.server.get = lambda rest, *_: (
        (500, {"message": "etcd is away"}) if rest else (200, {"metadata": {}, "items": None})
    )

    with pytest.raises(ArgoAway):
        house.reconciler.once()

    assert house.status(run_id) == "PENDING"


def test_the_quick_look_asks_only_for_workflows_that_have_not_ended(house):
    asked = []
    listed = house.server.get
    house.server.get = lambda rest, query, body: asked.append(query) or listed(rest, query, body)

    house.reconciler.once()
    house.reconciler.once(everything=True)

    selectors = [query["listOptions.labelSelector"][0] for query in asked]
    assert selectors == ["app=backtest,workflows.argoproj.io/completed!=true", "app=backtest"]


def test_the_command_makes_one_pass_and_says_by_its_code_whether_it_could(house):
    run_id = house.submit()

    done = reconcile(house)
    house.server.answer = (503, {"message": "starting"})
    away = reconcile(house)

    assert (done.returncode, away.returncode) == (0, 1), done.stdout + done.stderr
    assert house.get(run_id).workflow_uid is not None
    assert "nothing was changed any further" in away.stdout


def reconcile(house):
    environment = os.environ | {
        "DATABASE_URL": house.settings.database_url,
        "JOB_LAUNCHER_MODE": "LOCAL",
        "ARGO_SERVER": house.settings.argo_server,
        "ARGO_TOKEN": house.settings.argo_token,
        "ARGO_NAMESPACE": house.settings.argo_namespace,
        "LOG_FORMAT": "json",
    }
    return subprocess.run(
        [sys.executable, "-m", "workflows.reconcile"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
