"""Waiting studies start in turn and never too many; rows and workflows are brought together after any failure."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from qa.examples import SMALL_STUDY
from store.models import Study
from store.queries.audit import Actor
from store.queries.studies import chunks, studies, workflow_links
from tests.workflows.clusters import pod
from workflows.cluster import parameters
from workflows.cluster.studies.form import STUDY as FORM
from workflows.cluster.studies.study_dispatcher import name_of
from workflows.studies import submission

TESTER = Actor("tester")
PLANNED = [pod("plan", "Succeeded")]
BEGUN = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def submit(cluster):
    """Submits a study as the web does; it is shared among so many pods, and later ones are younger."""
    submitted = []

    def submitting(*, pods=5, client=None, **changes):
        study = submission.submit(
            SMALL_STUDY | changes, settings=cluster.settings, database=cluster.database, client=client
        )
        submitted.append(study.study_id)
        at = BEGUN + timedelta(seconds=len(submitted))
        with cluster.database.write() as session:
            values = {"pods": pods, "created_at": at}
            session.execute(update(Study).where(Study.study_id == study.study_id).values(**values))
        return study.study_id

    return submitting


def get(cluster, study_id):
    with cluster.database.read() as session:
        return studies.get(session, study_id)


def ended(cluster, study_id):
    study = get(cluster, study_id)
    return study.status, study.error_code


def started(cluster):
    """The studies that have a workflow, in the order in which they were given one."""
    return [each["metadata"]["labels"]["run_id"] for each in cluster.server.workflows.values()]


def planned(cluster, submit, **more):
    """A study whose plan step is done."""
    study_id = submit(**more)
    cluster.reconciler.once()
    with cluster.database.write() as session:
        studies.start(session, study_id, now=datetime.now(UTC))
    cluster.server.move(name_of(study_id, 0), "Running", nodes=PLANNED)
    return study_id


def test_a_study_of_the_web_becomes_a_workflow_with_its_request_and_its_prices(cluster, submit):
    study_id = submit(stop_loss_pct=5)

    cluster.reconciler.once()
    cluster.reconciler.once()

    study, workflow = get(cluster, study_id), cluster.argo.find(name_of(study_id, 0))
    raw, hashes = parameters.read(workflow.arguments, study_id, FORM)
    assert len(cluster.server.workflows) == 1
    assert (study.workflow_name, study.workflow_uid, study.workflows) == (workflow.name, workflow.uid, 1)
    assert hashes == study.data_hashes
    assert (raw["space"], raw["stop_loss_pct"]) == (study.request["space"], "5.0")
    sent = cluster.server.workflows[workflow.name]
    assert sent["spec"]["workflowTemplateRef"] == {"name": "backtest-sweep"}
    assert sent["metadata"]["labels"] == {"run_id": study_id, "app": "backtest-sweep"}


def test_studies_wait_until_there_is_room_for_their_pods(cluster, submit):
    large = [submit(pods=200) for _ in range(2)]
    small = submit(pods=1)

    cluster.reconciler.once()
    full = started(cluster)
    with cluster.database.write() as session:
        studies.fail(session, large[0], code="x", message="y", now=datetime.now(UTC))
    cluster.reconciler.once()

    assert full == large  # five pods each, of ten
    assert started(cluster) == [*large, small]


def test_many_small_studies_run_at_once(cluster, submit):
    small = [submit(pods=1) for _ in range(11)]

    cluster.reconciler.once()

    assert started(cluster) == small[:10]


def test_a_client_with_many_studies_lets_the_others_take_turns(cluster, submit):
    many = [submit(client="busy") for _ in range(3)]
    one = submit(client="other")

    cluster.reconciler.once()

    assert started(cluster) == [many[0], one]


@pytest.mark.parametrize("limit", [1], indirect=True)
def test_while_a_run_waits_no_study_starts_and_a_study_keeps_no_run_waiting(cluster, submit):
    running, waiting = cluster.submit_many(2)
    study_id = submit()

    cluster.reconciler.once()
    before = started(cluster)
    cluster.succeed_in_the_database(running)
    cluster.reconciler.once()

    assert before == [running]
    assert started(cluster) == [running, waiting, study_id]


def test_progress_is_the_share_of_pods_that_are_done_and_costs_no_look_at_them(cluster, submit):
    study_id = planned(cluster, submit, pods=5)
    name = name_of(study_id, 0)
    seen, asked = [], []
    for done in (0, 1, 5):
        nodes = PLANNED + [pod("chunk", "Succeeded")] * done + [pod("chunk", "Running")] * (5 - done)
        cluster.server.move(name, "Running", nodes=nodes)
        before = len(cluster.server.asked)
        cluster.reconciler.once()
        asked.append(len(cluster.server.asked) - before)
        seen.append(get(cluster, study_id).progress)

    assert seen == [1 / 8, 2 / 8, 6 / 8]
    assert asked == [1, 1, 1]


def test_progress_does_not_fall_when_the_persist_step_counts_the_chunks(cluster, submit):
    study_id = planned(cluster, submit, pods=5)
    nodes = [*PLANNED, *[pod("chunk", "Succeeded")] * 5]
    cluster.server.move(name_of(study_id, 0), "Running", nodes=nodes)
    cluster.reconciler.once()

    with cluster.database.write() as session:
        chunks.fail(session, study_id, 0, code="pod_lost", message="lost")

    assert get(cluster, study_id).progress == 6 / 8


def test_a_deleted_workflow_is_a_failed_study_that_can_be_finished(cluster, submit):
    study_id = planned(cluster, submit)
    del cluster.server.workflows[name_of(study_id, 0)]

    cluster.reconciler.once()
    failed = get(cluster, study_id)
    submission.resume(cluster.database, study_id, actor=TESTER)
    cluster.reconciler.once()

    assert (failed.status, failed.error_code) == ("FAILED", "workflow_vanished")
    assert "Finish the study" in failed.error_message
    assert get(cluster, study_id).workflow_name == name_of(study_id, 1)


@pytest.mark.parametrize(
    ("phase", "nodes", "code", "said"),
    [
        (
            "Failed",
            [pod("plan", "Failed", message="pod deleted")],
            "pod_deleted",
            "The plan step lost its pod",
        ),
        ("Error", [], "workflow_failed", "failed in the cluster"),
        ("Succeeded", PLANNED, "nothing_stored", "no result was stored"),
    ],
)
def test_a_workflow_that_ended_without_a_result_is_a_failed_study(cluster, submit, phase, nodes, code, said):
    study_id = planned(cluster, submit)
    cluster.server.move(name_of(study_id, 0), phase, nodes=nodes)

    cluster.reconciler.once()

    assert ended(cluster, study_id) == ("FAILED", code)
    assert said in get(cluster, study_id).error_message


def test_a_study_that_its_workflow_has_ended_or_given_back_stays_as_it_is(cluster, submit):
    done, given_back = planned(cluster, submit), planned(cluster, submit)
    with cluster.database.write() as session:
        studies.succeed(session, done, summary={}, result_hash="a" * 64, now=datetime.now(UTC))
        workflow_links.unlink(session, given_back, get(cluster, given_back).workflow_uid)
    for study_id in (done, given_back):
        cluster.server.move(name_of(study_id, 0), "Succeeded", nodes=PLANNED)

    cluster.reconciler.once()

    assert ended(cluster, done) == ("SUCCEEDED", None)
    assert get(cluster, given_back).status == "RUNNING"
    assert get(cluster, given_back).workflow_name == name_of(given_back, 1)


def test_the_workflow_of_a_cancelled_study_is_stopped(cluster, submit):
    study_id = planned(cluster, submit)
    submission.cancel(cluster.database, study_id, actor=TESTER)

    cluster.reconciler.once()

    assert cluster.argo.find(name_of(study_id, 0)).phase == "Failed"
    assert get(cluster, study_id).status == "CANCELLED"


def test_a_workflow_of_the_argo_ui_that_failed_before_its_plan_step_could_is_a_failed_study(cluster):
    study_id = str(uuid.uuid4())
    cluster.argo.create_study("by-hand", study_id, {"symbols": "SP500", "rule_type": "RSI", "space": "{}"})
    cluster.server.move("by-hand", "Failed", nodes=[pod("plan", "Failed", message="ErrImagePull")])

    cluster.reconciler.once(everything=True)
    cluster.reconciler.once(everything=True)

    study = get(cluster, study_id)
    assert (study.status, study.symbols, study.rule_type) == ("FAILED", ["SP500"], "RSI")
    assert "image cannot be pulled" in study.error_message


def test_a_study_that_argo_refuses_is_failed_with_the_reason(cluster, submit):
    study_id = submit()
    del cluster.server.templates["backtest-sweep"]

    cluster.reconciler.once()

    assert ended(cluster, study_id) == ("FAILED", "launch_refused")
    assert "WorkflowTemplate backtest-sweep is not installed" in get(cluster, study_id).error_message


def test_while_argo_is_unavailable_a_study_waits(cluster, submit):
    study_id = submit()
    cluster.server.answer = (503, {"message": "starting"})
    with pytest.raises(Exception, match="starting"):
        cluster.reconciler.once()
    cluster.server.answer = None

    cluster.reconciler.once()

    assert get(cluster, study_id).workflow_uid is not None


def test_a_check_tells_the_pods_before_anything_is_submitted(cluster):
    prepared = submission.prepare(SMALL_STUDY, settings=cluster.settings, database=cluster.database)
    local = replace(cluster.settings, launcher_mode="LOCAL")

    assert submission.pods_of(prepared, cluster.settings) == 1
    assert submission.pods_of(prepared, local) is None


def test_chunks_that_failed_are_asked_for_again_by_the_next_workflow(cluster, submit):
    study_id = planned(cluster, submit)
    with cluster.database.write() as session:
        chunks.fail(session, study_id, 0, code="pod_lost", message="lost")
        studies.fail(session, study_id, code="pod_lost", message="lost", now=datetime.now(UTC))

    submission.resume(cluster.database, study_id, actor=TESTER)
    cluster.reconciler.once()

    study = get(cluster, study_id)
    assert (study.missing_chunks, study.workflow_name) == (0, name_of(study_id, 1))
