"""Rows and workflows are brought together again, whatever happened to either."""

import os
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from qa.harness.processes import ROOT
from store.models import Base
from store.queries import audit, runs
from tests.workflows.clusters import pod
from workflows.cluster import reconciler
from workflows.cluster.argo_client import ArgoUnavailable, name_of
from workflows.submission import cancel

RUNNING_ENGINE = [pod("engine", "Running")]
DONE_ENGINE = [pod("engine", "Succeeded"), pod("persist", "Pending")]
RUNNING_PERSIST = [pod("engine", "Succeeded"), pod("persist", "Running")]


def begun(cluster, **changes):
    run_id = cluster.submit(**changes)
    cluster.dispatcher.start(run_id)
    return run_id


def ended(cluster, run_id):
    run = cluster.get(run_id)
    return run.status, run.error_code


def test_a_row_that_was_committed_and_never_launched_is_launched(cluster):
    run_id = cluster.submit()

    cluster.reconciler.once()

    assert cluster.get(run_id).workflow_uid == cluster.argo.find(name_of(run_id)).uid


def test_a_workflow_whose_row_was_never_told_is_found_by_its_name(cluster):
    run_id = cluster.submit()
    workflow = cluster.argo.create(run_id, {"symbols": "SP500"})

    cluster.reconciler.once()

    assert cluster.get(run_id).workflow_uid == workflow.uid
    assert len(cluster.server.workflows) == 1


@pytest.mark.parametrize(
    ("nodes", "stage", "progress"),
    [(RUNNING_ENGINE, "computing", 0.3), (DONE_ENGINE, "storing", 0.8), (RUNNING_PERSIST, "storing", 0.9)],
)
def test_progress_is_where_the_workflow_stands(cluster, nodes, stage, progress):
    run_id = begun(cluster)
    cluster.move(run_id, "Running", nodes=nodes)

    cluster.reconciler.once()

    run = cluster.get(run_id)
    assert (run.status, run.stage, run.progress) == ("RUNNING", stage, progress)


def test_a_workflow_without_a_pod_leaves_the_run_pending(cluster):
    run_id = begun(cluster)
    cluster.move(run_id, "Running", nodes=[pod("engine", "Pending")])

    cluster.reconciler.once()

    assert cluster.status(run_id) == "PENDING"


def test_a_run_of_the_argo_ui_gets_its_row_with_the_request_as_it_came(cluster):
    run_id = cluster.by_hand(fee_rate="0.002")

    cluster.reconciler.once()

    run = cluster.get(run_id)
    assert (run.symbols, run.fee_rate, run.workflow_name) == (["SP500"], 0.002, "by-hand")
    assert run.received["fee_rate"] == "0.002"
    assert run.data_hashes is None  # the result says which prices the engine pod took


def test_a_run_of_the_argo_ui_with_an_id_of_its_own_keeps_it(cluster):
    run_id = str(uuid.uuid4())
    uid = cluster.by_hand(run_id=run_id)

    cluster.reconciler.once()

    assert cluster.get(run_id).workflow_uid == uid


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start_date": "yesterday"}, "start_date: must be a date (YYYY-MM-DD), got 'yesterday'"),
        ({"end_date": "2016-01-04"}, "end_date: End date must be after start date"),
        ({"symbols": "{{workflow.name}}"}, "symbols: must not contain {{"),
        ({"symbols": ""}, "symbols: is required"),
        ({"rule_type": "NO_SUCH_RULE"}, "rule_type"),
        ({"params": "fast=10"}, "params: must be a JSON object"),
        ({"params": '{"fast": 30, "slow": 10}'}, "params.fast: must be smaller than slow"),
        ({"fee_rate": "-1"}, "fee_rate: must be a number from 0"),
        ({"colour": "red"}, "colour: is not a known field"),
        ({"run_id": "my first run"}, "run_id: must be a UUID4"),
        ({"run_id": "123E4567-E89B-42D3-A456-426614174000"}, "run_id: must be a UUID4"),
    ],
)
def test_a_workflow_with_a_mistake_is_a_failed_run_that_says_what_is_wrong(cluster, changes, said):
    uid = cluster.by_hand(**changes)

    cluster.reconciler.once()
    cluster.reconciler.once()

    run = cluster.get(uid)
    [name] = changes
    assert (run.status, run.error_code, run.workflow_name) == ("FAILED", "invalid_request", "by-hand")
    assert said in run.error_message
    assert run.received.get(name, "") == changes[name]
    assert run.initial_capital == 100_000.0


def test_a_mistake_in_one_workflow_keeps_no_other_from_its_row(cluster):
    cluster.by_hand(name="nonsense", symbols="SP500", start_date="yesterday")
    run_id = cluster.by_hand()

    cluster.reconciler.once()

    assert cluster.status(run_id) == "PENDING"


def test_a_deleted_workflow_fails_its_run_and_says_so(cluster):
    run_id = begun(cluster)
    cluster.server.workflows.clear()

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", "workflow_vanished")
    assert "was deleted in the cluster" in cluster.get(run_id).error_message


def test_a_workflow_that_argo_still_keeps_after_it_was_deleted_is_stopped(cluster):
    run_id = begun(cluster)
    cluster.move(run_id, "Running")
    workflow = cluster.server.workflows[name_of(run_id)]
    workflow["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", "workflow_vanished")
    assert workflow["status"]["phase"] == "Failed"


def test_a_workflow_that_had_ended_before_it_was_deleted_is_told_by_its_end(cluster):
    run_id = begun(cluster)
    cluster.move(run_id, "Failed", message="Stopped with strategy 'Terminate'")
    cluster.server.workflows[name_of(run_id)]["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", "stopped")


def test_a_workflow_that_no_list_shows_yet_is_asked_for_before_it_is_called_gone(cluster):
    run_id = begun(cluster)
    cluster.server.page_size, listed = 0, cluster.server.get
    cluster.server.get = lambda rest, *more: (
        listed(rest, *more) if rest else (200, {"metadata": {}, "items": None})
    )

    cluster.reconciler.once()

    assert cluster.status(run_id) == "PENDING"


@pytest.mark.parametrize("everything", [True, False])
def test_a_failed_workflow_is_explained_by_its_pods(cluster, everything):
    run_id = begun(cluster)
    failure = "symbols: No price data [invalid_request]"
    cluster.move(
        run_id, "Failed", nodes=[pod("engine", "Failed", message=f"main: Error (exit code 2): {failure}")]
    )

    cluster.reconciler.once(everything=everything)

    assert ended(cluster, run_id) == ("FAILED", "invalid_request")
    assert cluster.get(run_id).error_message == "symbols: No price data"


def test_a_terminated_workflow_is_a_stopped_run(cluster):
    run_id = begun(cluster)
    cluster.argo.stop(name_of(run_id))

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", "stopped")


def test_a_workflow_that_succeeded_without_a_result_is_a_failed_run(cluster):
    run_id = begun(cluster)
    cluster.move(run_id, "Succeeded")

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", "nothing_stored")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error"])
def test_an_ended_run_stays_as_it_is_whatever_its_workflow_says(cluster, phase):
    run_id = begun(cluster)
    cluster.succeed_in_the_database(run_id)
    cluster.move(run_id, phase, message="whatever")

    cluster.reconciler.once(everything=True)

    assert ended(cluster, run_id) == ("SUCCEEDED", None)


def test_the_workflow_of_a_cancelled_run_is_stopped(cluster):
    run_id = begun(cluster)

    cancel(cluster.database, run_id)

    cluster.reconciler.once()

    assert cluster.argo.find(name_of(run_id)).finished
    assert cluster.status(run_id) == "CANCELLED"


def test_where_a_run_has_two_workflows_the_first_one_counts_and_the_second_takes_over_when_it_is_gone(
    cluster,
):
    run_id = begun(cluster)
    second = cluster.by_hand(name="the-same-again", run_id=run_id)
    cluster.reconciler.once()
    before = cluster.get(run_id).workflow_uid

    del cluster.server.workflows[name_of(run_id)]
    cluster.reconciler.once()

    assert before != second
    assert (cluster.status(run_id), cluster.get(run_id).workflow_uid) == ("PENDING", second)


def test_the_end_of_a_second_workflow_is_not_the_end_of_the_run(cluster):
    run_id = begun(cluster)
    cluster.by_hand(name="the-same-again", run_id=run_id)
    cluster.server.move("the-same-again", "Failed", message="deleted by a user")

    cluster.reconciler.once(everything=True)

    assert cluster.status(run_id) == "PENDING"


@pytest.mark.parametrize(
    "answer", [(503, {"message": "starting"}), (200, "<html>"), (403, {"message": "no"})]
)
def test_where_argo_is_unavailable_nothing_is_changed(cluster, answer):
    run_id, waiting = begun(cluster), cluster.submit()
    cluster.server.workflows.clear()
    cluster.server.answer = answer

    with pytest.raises(Exception, match="Argo Workflows"):
        cluster.reconciler.once()

    assert (cluster.status(run_id), cluster.status(waiting)) == ("PENDING", "PENDING")
    assert cluster.get(waiting).workflow_uid is None


def test_where_argo_becomes_unavailable_between_list_and_question_nothing_is_called_gone(cluster):
    run_id = begun(cluster)
    cluster.server.get = lambda rest, *_: (
        (500, {"message": "etcd is away"}) if rest else (200, {"metadata": {}, "items": None})
    )

    with pytest.raises(ArgoUnavailable):
        cluster.reconciler.once()

    assert cluster.status(run_id) == "PENDING"


def test_a_look_soon_after_another_asks_only_for_workflows_that_have_not_ended(cluster):
    asked = []
    listed = cluster.server.get
    cluster.server.get = lambda rest, query, body: asked.append(query) or listed(rest, query, body)

    cluster.reconciler.once()
    cluster.reconciler.once()
    cluster.reconciler.once(everything=True)

    selectors = [query["listOptions.labelSelector"][0] for query in asked]
    ours = "app in (backtest,backtest-sweep,backtest-robustness)"
    assert selectors == [ours, f"{ours},workflows.argoproj.io/completed!=true", ours]


def test_a_workflow_that_came_and_went_between_two_distant_looks_has_its_row(cluster, monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(reconciler, "time", SimpleNamespace(monotonic=lambda: clock.now))
    cluster.reconciler.once()
    uid = cluster.by_hand(start_date="yesterday")
    cluster.server.move("by-hand", "Failed")

    clock.now += 1
    cluster.reconciler.once()
    with cluster.database.read() as session:
        assert runs.find(session, uid) is None, "it ends no sooner than the next look comes"
    clock.now += 40
    cluster.reconciler.once()

    assert ended(cluster, uid) == ("FAILED", "invalid_request")


def test_a_look_asks_for_the_pods_of_a_workflow_only_when_something_of_it_has_changed(cluster):
    first, second = begun(cluster), begun(cluster)
    for run_id in (first, second):
        cluster.move(run_id, "Running", nodes=RUNNING_ENGINE)
    asked = []
    for change in (None, None, second, None):
        if change:
            cluster.move(change, "Running", nodes=RUNNING_PERSIST)
        before = len(cluster.server.asked)
        cluster.reconciler.once()
        asked.append([path.rsplit("/")[-1] for _, path in cluster.server.asked[before:]])

    everything = cluster.server.asked[0][1].rsplit("/")[-1]
    assert asked == [
        [everything, name_of(first), name_of(second)],
        [everything],
        [everything, name_of(second)],
        [everything],
    ]
    assert cluster.get(second).stage == "storing"


def test_the_command_makes_one_pass_and_says_by_its_code_whether_it_could(cluster):
    run_id = cluster.submit()

    done = reconcile(cluster)
    cluster.server.answer = (503, {"message": "starting"})
    away = reconcile(cluster)

    assert (done.returncode, away.returncode) == (0, 1), done.stdout + done.stderr
    assert cluster.get(run_id).workflow_uid is not None
    assert "reconciliation failed" in away.stdout


@pytest.mark.parametrize(("version", "code"), [(None, 0), ("0000", 1)])
def test_before_the_first_migration_it_ends_well_and_on_an_older_schema_it_fails(cluster, version, code):
    with cluster.database.engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.execute(text("DELETE FROM alembic_version"))
        if version:
            connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": version})

    done = reconcile(cluster)

    assert (done.returncode, done.stderr) == (code, "")
    assert "waiting for the schema" in done.stdout
    assert f"schema is at {version or 'nothing'}, this release needs" in done.stdout


def test_the_command_deletes_what_is_older_than_the_audit_trail_is_retained(cluster):
    with cluster.database.write() as session:
        for days in (366, 364):
            at = datetime.now(UTC) - timedelta(days=days)
            audit.record(session, audit.Actor("token:1"), audit.Action.RUN_CANCEL, f"run {days}", now=at)

    done = reconcile(cluster)

    with cluster.database.read() as session:
        entries, _ = audit.page(session, audit.Filter(), before=None, limit=9)
    assert [entry.target_id for entry in entries] == ["audit", "run 364"], done.stdout + done.stderr


def test_a_dispatcher_that_is_stopped_in_the_midst_of_a_pass_ends_it_and_then_itself(cluster):
    is_asked, listed = threading.Event(), cluster.server.get

    def slowly(*asked):
        is_asked.set()
        time.sleep(0.5)
        return listed(*asked)

    cluster.server.get = slowly
    command = [sys.executable, "-m", "workflows.reconcile", "--every", "0.1"]
    with subprocess.Popen(
        command, cwd=ROOT, env=variables(cluster), stdout=subprocess.PIPE, text=True
    ) as dispatcher:
        assert is_asked.wait(60)
        dispatcher.terminate()
        said, _ = dispatcher.communicate(timeout=60)

    assert (dispatcher.returncode, "dispatcher stopped" in said) == (0, True)


def variables(cluster):
    return os.environ | {
        "DATABASE_URL": cluster.settings.database_url,
        "JOB_LAUNCHER_MODE": "LOCAL",
        "ARGO_SERVER": cluster.settings.argo_server,
        "ARGO_TOKEN": cluster.settings.argo_token,
        "ARGO_NAMESPACE": cluster.settings.argo_namespace,
        "LOG_FORMAT": "json",
    }


def reconcile(cluster):
    return subprocess.run(
        [sys.executable, "-m", "workflows.reconcile"],
        cwd=ROOT,
        env=variables(cluster),
        capture_output=True,
        text=True,
    )
