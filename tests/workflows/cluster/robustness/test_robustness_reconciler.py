"""What is asked of results becomes workflows, behind the runs, and ends with them whatever fails."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from store.models import Robustness
from store.queries import runs
from store.queries.studies import robustness
from tests.workflows.clusters import pod
from workflows.cluster.robustness import form
from workflows.cluster.robustness.robustness_reconciler import AT_ONCE

ASKED_AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def ask(cluster):
    """Asks it of a run with a result; later questions are younger."""
    asked = []

    def asking(run_id=None, *, at=None):
        if run_id is None:
            run_id = cluster.submit()
            cluster.succeed_in_the_database(run_id)
        asked.append(run_id)
        with cluster.database.write() as session:
            robustness.ask(session, run_id, now=at or ASKED_AT + timedelta(seconds=len(asked)))
        return run_id

    return asking


def row(cluster, run_id):
    with cluster.database.read() as session:
        return robustness.find(session, run_id)


def name(cluster, run_id):
    return form.name_of(run_id, row(cluster, run_id).created_at)


def ended(cluster, run_id):
    found = row(cluster, run_id)
    return found.status, found.error_code


def test_a_question_of_the_page_becomes_a_workflow_with_the_runs_request_and_prices(cluster, ask):
    run_id = ask()

    cluster.reconciler.once()
    cluster.reconciler.once()

    sent = cluster.server.workflows[name(cluster, run_id)]
    raw, hashes, tried = form.read(cluster.argo.find(name(cluster, run_id)).arguments, run_id)
    run = cluster.get(run_id)
    assert list(cluster.server.workflows) == [name(cluster, run_id)]
    assert sent["spec"]["workflowTemplateRef"] == {"name": "backtest-robustness"}
    assert sent["metadata"]["labels"] == {"run_id": run_id, "app": "backtest-robustness"}
    assert (hashes, raw["rule_type"], tried) == (run.data_hashes, run.rule_type, None)
    found = row(cluster, run_id)
    assert (found.status, found.lease_owner) == ("RUNNING", name(cluster, run_id))


def test_its_workflow_is_neither_a_run_nor_a_study(cluster, ask):
    run_id = ask()
    cluster.reconciler.once()
    cluster.server.move(name(cluster, run_id), "Failed", message="x")

    cluster.reconciler.once(everything=True)

    with cluster.database.read() as session:
        assert runs.get(session, run_id).status == "SUCCEEDED"
    assert ended(cluster, run_id) == ("FAILED", "workflow_failed")


def test_few_run_at_once_and_what_was_asked_last_goes_first(cluster, ask):
    ids = [ask() for _ in range(AT_ONCE + 1)]

    cluster.reconciler.once()
    first = {each["metadata"]["labels"]["run_id"] for each in cluster.server.workflows.values()}
    with cluster.database.write() as session:
        robustness.fail(session, ids[-1], code="x", message="y", now=datetime.now(UTC))
    cluster.reconciler.once()

    assert first == set(ids[1:])
    assert name(cluster, ids[0]) in cluster.server.workflows


@pytest.mark.parametrize("limit", [0], indirect=True)
def test_while_a_run_waits_none_is_started(cluster, ask):
    run_id = ask()
    cluster.submit()

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("PENDING", None)


@pytest.mark.parametrize(
    ("phase", "nodes", "code"),
    [
        ("Failed", [pod("engine", "Failed", message="Error (exit code 2): no such price [unknown_data]")], "unknown_data"),
        ("Error", [pod("engine", "Failed", message="OOMKilled (exit code 137)")], "out_of_memory"),
        ("Succeeded", [], "nothing_stored"),
    ],
)  # fmt: skip
def test_a_workflow_that_ends_without_an_answer_ends_the_question_with_the_reason(
    cluster, ask, phase, nodes, code
):
    run_id = ask()
    cluster.reconciler.once()
    cluster.server.move(name(cluster, run_id), phase, nodes=nodes)

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", code)


def test_a_workflow_that_was_deleted_ends_the_question_and_it_can_be_asked_again(cluster, ask):
    run_id = ask()
    cluster.reconciler.once()
    cluster.server.workflows.clear()
    cluster.reconciler.once()
    vanished = ended(cluster, run_id)

    ask(run_id)
    cluster.reconciler.once()

    assert vanished == ("FAILED", "workflow_vanished")
    assert (ended(cluster, run_id), list(cluster.server.workflows)) == (
        ("RUNNING", None),
        [name(cluster, run_id)],
    )


def test_a_dispatcher_that_dies_between_workflow_and_row_is_followed_by_one_that_finds_it(cluster, ask):
    run_id = ask()
    cluster.reconciler.once()
    with cluster.database.write() as session:  # as it was before the link was written
        before = {"status": "PENDING", "lease_owner": None, "lease_until": None}
        session.execute(update(Robustness).values(**before))

    cluster.reconciler.once()

    assert len(cluster.server.workflows) == 1
    assert row(cluster, run_id).lease_owner == name(cluster, run_id)


def test_an_answer_that_is_stored_meanwhile_is_not_lost(cluster, ask):
    run_id = ask()
    cluster.reconciler.once()
    with cluster.database.write() as session:
        robustness.succeed(session, run_id, answer={"verdict": "x"}, now=datetime.now(UTC))
    cluster.server.workflows.clear()

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("SUCCEEDED", None)


def test_a_question_that_is_asked_again_is_not_ended_by_the_workflow_of_the_first(cluster, ask):
    run_id = ask()
    cluster.reconciler.once()
    first = row(cluster, run_id)
    with cluster.database.write() as session:  # its lease ran out
        session.execute(update(Robustness).values(lease_until=ASKED_AT))
    ask(run_id, at=ASKED_AT + timedelta(hours=3))

    with cluster.database.write() as session:
        is_ended = robustness.fail_asked(session, first, code="x", message="y", now=datetime.now(UTC))

    assert (is_ended, ended(cluster, run_id)) == (False, ("PENDING", None))


def test_an_answer_to_an_earlier_question_is_not_stored_for_a_later_one(cluster, ask):
    run_id = ask()
    first = row(cluster, run_id)
    ask(run_id, at=ASKED_AT + timedelta(hours=3))

    with cluster.database.write() as session:
        kept = robustness.succeed_asked(session, first, answer={"verdict": "x"}, now=datetime.now(UTC))

    assert (kept, ended(cluster, run_id)) == (False, ("PENDING", None))


def test_a_workflow_that_is_being_deleted_is_stopped_and_ends_the_question(cluster, ask):
    run_id = ask()
    cluster.reconciler.once()
    cluster.server.move(name(cluster, run_id), "Running")
    workflow = cluster.server.workflows[name(cluster, run_id)]
    workflow["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", "workflow_vanished")
    assert workflow["status"]["phase"] == "Failed"


def test_a_template_that_is_not_installed_is_said_on_the_page(cluster, ask):
    run_id = ask()
    del cluster.server.templates["backtest-robustness"]

    cluster.reconciler.once()

    assert ended(cluster, run_id) == ("FAILED", "launch_refused")
    assert "WorkflowTemplate backtest-robustness is not installed" in row(cluster, run_id).error_message


def test_a_run_that_is_deleted_takes_the_question_along(cluster, ask):
    run_id = ask()
    cluster.reconciler.once()
    with cluster.database.write() as session:
        session.delete(runs.get(session, run_id))

    cluster.reconciler.once()

    assert row(cluster, run_id) is None
