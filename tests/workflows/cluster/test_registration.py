"""A run that Argo knows and the database does not gets the row that the web would have made."""

import uuid
from datetime import UTC, datetime

import pytest

from backtest.errors import InvalidRequest
from store.queries import runs, workflow_links
from tests.workflows.clusters import BY_HAND, arguments_of
from workflows.cluster import registration
from workflows.errors import RunDiffers

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def submission(run_id, *, uid="uid-1", **changes):
    return registration.WorkflowSubmission(
        run_id=run_id, arguments=BY_HAND | changes, workflow_name=f"workflow-of-{uid}", workflow_uid=uid
    )


def register(database, submitted):
    with database.write() as session:
        return registration.register(session, submitted, now=NOON)


def test_it_is_the_row_of_the_same_request_from_the_web(environment):
    by_web, by_hand = environment.enqueue(), str(uuid.uuid4())

    is_new = register(environment.database, submission(by_hand, fee_rate="0.001", slippage_bps="0"))

    assert is_new
    theirs, ours = environment.get(by_web), environment.get(by_hand)
    with environment.database.read():
        same = runs.request_of(theirs).as_json() | {"run_id": by_hand}
        assert runs.request_of(ours).as_json() == same
    assert (ours.status, ours.workflow_uid) == ("PENDING", "uid-1")
    assert ours.data_hashes is None  # the result will say which prices the engine pod took


def test_twice_is_once_and_the_first_workflow_stays(environment):
    run_id = str(uuid.uuid4())

    first = register(environment.database, submission(run_id))
    again = register(environment.database, submission(run_id, uid="uid-2"))

    assert (first, again) == (True, False)
    assert environment.get(run_id).workflow_uid == "uid-1"


def test_a_row_of_the_web_is_told_its_workflow_and_keeps_everything_else(environment):
    run_id = environment.enqueue()
    before = environment.get(run_id)

    is_new = register(environment.database, submission(run_id, slippage_bps="0"))

    run = environment.get(run_id)
    assert not is_new
    assert (run.symbols, run.received, run.workflow_uid) == (before.symbols, before.received, "uid-1")


def test_a_workflow_with_other_arguments_is_not_that_of_the_row(environment):
    run_id = environment.enqueue()

    with pytest.raises(RunDiffers, match=r"symbols is \['NASDAQ'\] here and \['SP500'\] there"):
        register(environment.database, submission(run_id, symbols="NASDAQ"))

    assert environment.get(run_id).workflow_uid is None


def test_the_place_of_a_workflow_that_is_gone_is_taken_by_another(environment):
    run_id = str(uuid.uuid4())
    register(environment.database, submission(run_id))

    with environment.database.write() as session:
        workflow_links.relink(session, run_id, "workflow-of-uid-2", "uid-2")

    assert environment.get(run_id).workflow_name == "workflow-of-uid-2"


def test_an_ended_run_keeps_the_workflow_that_ended_it(environment):
    run_id = str(uuid.uuid4())
    register(environment.database, submission(run_id))
    with environment.database.write() as session:
        runs.fail(session, run_id, code="c", message="m", now=NOON)

    with environment.database.write() as session:
        workflow_links.relink(session, run_id, "another", "uid-2")

    assert environment.get(run_id).workflow_uid == "uid-1"


def test_prices_that_do_not_fit_are_the_engine_steps_to_explain(environment):
    run_id = str(uuid.uuid4())

    register(environment.database, submission(run_id, symbols="NOWHERE"))

    assert (environment.get(run_id).symbols, environment.get(run_id).data_hashes) == (["NOWHERE"], None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"start_date": "yesterday"}, "start_date"), ({"params": "fast=10"}, "params"),
     ({"rule_type": ""}, "rule_type"), ({"size_type": "percentage"}, "size_type")],
)  # fmt: skip
def test_arguments_that_are_no_request_make_no_row(environment, changes, field):
    with pytest.raises(InvalidRequest, match=field):
        register(environment.database, submission(str(uuid.uuid4()), **changes))

    assert environment.counts() == {}


def test_an_id_that_is_no_uuid_makes_no_row(environment):
    with pytest.raises(InvalidRequest, match="run_id"):
        register(environment.database, submission("my first run"))


def test_what_the_dispatcher_writes_is_read_back_as_the_same_request():
    assert arguments_of()["params"] == '{"fast": 10, "slow": 30}'
    assert arguments_of(stop_loss_pct=5)["stop_loss_pct"] == "5.0"
    assert (arguments_of()["stop_loss_pct"], arguments_of(fractional=True)["fractional"]) == ("", "true")
