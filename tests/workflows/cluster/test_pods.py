"""The steps as a pod runs them: by arguments and environment, with a termination message for Argo."""

import json
import os
import uuid
from datetime import UTC, datetime

import pytest

from backtest import samples
from backtest.prices.dataset import Dataset
from backtest.run.outcome import run as run_purely
from backtest.run.request import RunRequest
from qa.examples import REQUEST
from store.models import Run
from store.queries import audit, datasets, runs, workflow_links
from tests.workflows.cluster.step_pods import UID, Pods
from tests.workflows.clusters import BY_HAND, arguments_of
from workflows.cluster import engine_pod

SP500 = {"SP500": samples.load("SP500")}


@pytest.fixture
def pods(environment, tmp_path):
    return Pods(environment, tmp_path)


def test_both_pods_together_give_the_result_that_pure_compute_gives(environment, pods):
    run_id = environment.enqueue()

    engine, persist = pods.engine(run_id), pods.persist(run_id)

    run = environment.get(run_id)
    assert (engine.returncode, persist.returncode) == (0, 0), engine.stdout + persist.stdout
    assert run.status == "SUCCEEDED"
    assert run.result_hash == run_purely(RunRequest.parse(REQUEST), SP500).summary["result_hash"]
    assert (run.workflow_name, run.workflow_uid) == ("bt-x", UID)


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
def test_each_pod_does_its_work_with_its_own_account_and_cannot_do_that_of_the_other(
    environment, pods, accounts_of
):
    run_id, by_hand = environment.enqueue(), str(uuid.uuid4())

    engine = pods.engine(run_id, DATABASE_URL=accounts_of["READER"])
    with_the_readers = pods.persist(run_id, DATABASE_URL=accounts_of["READER"])
    persist = pods.persist(run_id, DATABASE_URL=accounts_of["WRITER"])
    codes = [engine.returncode, persist.returncode]
    codes.append(pods.engine(by_hand, arguments=BY_HAND, DATABASE_URL=accounts_of["READER"]).returncode)
    codes.append(pods.persist(by_hand, arguments=BY_HAND, DATABASE_URL=accounts_of["WRITER"]).returncode)

    assert codes == [0, 0, 0, 0], engine.stdout + persist.stdout
    assert with_the_readers.returncode != 0
    assert {environment.get(each).status for each in (run_id, by_hand)} == {"SUCCEEDED"}


def test_the_engine_pod_writes_nothing_into_the_database(environment, pods):
    run_id = environment.enqueue()

    pods.engine(run_id)

    assert (environment.get(run_id).status, environment.get(run_id).started_at) == ("PENDING", None)


@pytest.mark.parametrize("arguments", [arguments_of(), BY_HAND], ids=["pinned", "argo ui"])
def test_the_engine_pod_decodes_its_prices_once(environment, pods, monkeypatch, arguments):
    run_id, decode, decoded = environment.enqueue(), Dataset.decode, []
    monkeypatch.setattr(os, "environ", os.environ | pods.variables(arguments | {"run_id": run_id}))
    monkeypatch.setattr(Dataset, "decode", lambda payload: decoded.append(payload) or decode(payload))

    code = engine_pod.main(["--run-id", run_id, "--bundle", str(pods.bundle)])

    assert (code, len(decoded)) == (0, 1)


def test_a_run_of_the_argo_ui_has_its_row_and_its_result_after_the_second_pod(environment, pods):
    run_id = str(uuid.uuid4())

    pods.engine(run_id, arguments=BY_HAND)
    persist = pods.persist(run_id, arguments=BY_HAND)

    assert persist.returncode == 0, persist.stdout
    assert (environment.get(run_id).status, environment.get(run_id).symbols) == ("SUCCEEDED", ["SP500"])


@pytest.mark.parametrize(
    ("limit", "arguments", "message"),
    [
        ("MAX_BARS_PER_RUN", BY_HAND, "at most 100 are allowed per run"),
        ("MAX_BARS_PER_RUN", None, "at most 100 are allowed per run"),
        ("MAX_PARAMS_PER_RUN", BY_HAND | {"params": json.dumps(dict.fromkeys(map(str, range(101)), 1))},
         "at most 100 parameters"),
    ],
    ids=["bars of a run of the argo ui", "bars of a pinned run", "parameters"],
)  # fmt: skip
def test_the_limits_of_the_web_hold_for_a_run_of_the_argo_ui(environment, pods, limit, arguments, message):
    run_id = environment.enqueue()

    engine = pods.engine(run_id, arguments=arguments, **{limit: "100"})

    assert engine.returncode == 2
    assert message in pods.termination_message()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbols": "NOWHERE"}, "No price data for NOWHERE"),
        ({"params": '{"fast": 30, "slow": 10}'}, "fast"),
        ({"rule_type": "ASTROLOGY"}, "ASTROLOGY"),
        ({"params": "{"}, "must be a JSON object"),
    ],
)
def test_bad_input_ends_the_first_pod_with_code_2_and_the_reason_where_argo_finds_it(pods, changes, message):
    engine = pods.engine(str(uuid.uuid4()), arguments=BY_HAND | changes)

    assert engine.returncode == 2
    assert message in pods.termination_message()


def test_bad_input_leaves_a_page_for_the_argo_ui_that_marks_the_argument_and_runs_no_script(pods):
    pods.engine(str(uuid.uuid4()), arguments=BY_HAND | {"symbols": "<script>alert(1)</script>"})

    page = (pods.bundle.parent / "report.html").read_text(encoding="utf-8")

    assert '<tr class="wrong"><td>symbols<td>&lt;script&gt;' in page
    assert "<tr><td>rule_type<td>MOVING_AVERAGE_CROSS" in page
    assert "must be a list of symbols" in page
    assert "<script" not in page


def test_a_stored_run_leaves_its_figures_for_the_argo_ui(environment, pods, tmp_path):
    run_id = environment.enqueue()
    pods.engine(run_id)

    pods.persist(run_id, figures=tmp_path)

    metrics = environment.get(run_id).metrics
    shown = {name: (tmp_path / name).read_text() for name in ("total_return", "sharpe_ratio", "num_trades")}
    assert shown == {
        "total_return": f"{metrics['total_return']:.2%}",
        "sharpe_ratio": f"{metrics['sharpe_ratio']:.2f}",
        "num_trades": f"{metrics['num_trades']}",
    }


def test_a_failing_rule_leaves_its_reason_where_argo_finds_it(environment, pods):
    run_id = environment.enqueue_rule("RAISING")

    engine = pods.engine(run_id, arguments=BY_HAND | {"rule_type": "RAISING", "params": ""})

    assert engine.returncode == 1
    assert "ZeroDivisionError" in pods.termination_message()
    assert "correct-horse-battery" not in engine.stdout + pods.termination_log.read_text()


def test_a_pod_that_runs_out_of_its_memory_says_12_so_that_it_gets_the_double(environment, pods):
    run_id = environment.enqueue_rule("EATING")

    engine = pods.engine(run_id, arguments=BY_HAND | {"rule_type": "EATING", "params": ""}, MEMORY_MIB="512")

    assert engine.returncode == 12, engine.stdout


def failed_before(environment, run_id):
    with environment.database.write() as session:
        workflow_links.link(session, run_id, "bt-x", UID)
        runs.fail(
            session, run_id, code="artifact_store", message="The store was away.", now=datetime.now(UTC)
        )


def test_a_retry_of_its_workflow_that_succeeds_makes_a_failed_run_succeeded_and_the_trail_says_so(
    environment, pods
):
    run_id = environment.enqueue()
    pods.engine(run_id)
    failed_before(environment, run_id)

    persist = pods.persist(run_id)

    run = environment.get(run_id)
    assert persist.returncode == 0, persist.stdout
    assert (run.status, run.error_code, run.error_message) == ("SUCCEEDED", None, None)
    assert (run.workflow_uid, run.num_trades is not None) == (UID, True)
    with environment.database.read() as session:
        [entry] = audit.page(session, audit.Filter(target=run_id), before=None, limit=9)[0]
    assert (entry.action, entry.client) == ("run.retry", "argo")
    assert entry.detail["failed_before"] == "artifact_store: The store was away."


def test_the_local_worker_leaves_a_failed_run_failed(environment, pods, tmp_path):
    run_id = environment.enqueue()
    pods.engine(run_id)
    failed_before(environment, run_id)

    environment.run_step("persist", "--run-id", run_id, "--bundle", pods.bundle)

    assert environment.get(run_id).status == "FAILED"


def test_a_retry_of_a_cancelled_run_says_in_argo_why_its_result_is_not_stored(environment, pods):
    run_id = environment.enqueue()
    pods.engine(run_id)
    with environment.database.write() as session:
        runs.cancel(session, run_id, now=datetime.now(UTC))

    persist = pods.persist(run_id)

    assert persist.returncode == 2
    assert "was cancelled" in pods.termination_message()
    assert environment.get(run_id).status == "CANCELLED"


@pytest.mark.parametrize("ended", [False, True], ids=["open", "ended"])
def test_a_resubmission_with_other_arguments_is_refused_in_argo_and_touches_no_row(environment, pods, ended):
    run_id = environment.enqueue()
    if ended:
        pods.engine(run_id)
        pods.persist(run_id)
    before = environment.get(run_id)
    other = arguments_of(params={"fast": 50, "slow": 200})

    pods.engine(run_id, arguments=other)
    persist = pods.persist(run_id, arguments=other, uid="another")

    after = environment.get(run_id)
    assert persist.returncode == 2
    message = pods.termination_message()
    assert "these are not the arguments of run" in message
    assert "'fast': 50" in message
    assert "Empty run_id" in message
    assert (after.status, after.result_hash, after.workflow_uid) == (
        before.status, before.result_hash, before.workflow_uid
    )  # fmt: skip


def test_a_result_of_other_prices_than_the_pinned_ones_is_not_stored(environment, pods):
    run_id, arguments = environment.enqueue(), arguments_of()
    prices = SP500["SP500"]
    other = Dataset("SP500", "1d", "a later version", prices.bars.cut(1, len(prices.bars)))
    pods.engine(run_id, arguments=arguments)
    with environment.database.write() as session:
        session.get(Run, run_id).data_hashes = {
            "SP500": datasets.add(session, other, now=datetime.now(UTC)).data_hash
        }

    persist = pods.persist(run_id, arguments=arguments)

    assert persist.returncode == 2
    assert "not those of its summary" in environment.get(run_id).error_message


@pytest.mark.parametrize("text", ["{{=sprig.genPrivateKey('rsa')}}", "$(DATABASE_URL)"])
def test_an_argument_that_would_be_expanded_is_refused_by_both_pods(environment, pods, text):
    arguments = BY_HAND | {"params": json.dumps({"note": text})}

    engine = pods.engine(str(uuid.uuid4()), arguments=arguments)
    persist = pods.persist(str(uuid.uuid4()), arguments=arguments)

    assert (engine.returncode, persist.returncode) == (2, 2)
    assert "params: must not contain {{ or $(" in pods.termination_message()
    assert environment.counts() == {}


def test_a_database_that_is_away_is_something_to_try_again(environment, pods):
    away = {"DATABASE_URL": "mysql+pymysql://user:hidden-password@127.0.0.1:9/nothing"}

    done = pods.engine(str(uuid.uuid4()), arguments=BY_HAND, **away)

    assert done.returncode == 75
    assert "hidden-password" not in done.stdout + done.stderr


def test_every_line_of_every_step_carries_the_run_id(environment, pods):
    run_id = environment.enqueue()

    logged = "".join(step(run_id).stdout for step in (pods.engine, pods.persist))

    lines = [json.loads(line) for line in logged.splitlines()]
    assert len(lines) >= 3
    assert {line["run_id"] for line in lines} == {run_id}
