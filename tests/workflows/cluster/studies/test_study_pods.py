"""The pods of a study: the bytes of a local one, what a lost or a forging pod costs, and who may write."""

import shutil
import zipfile

import pytest

from backtest.errors import InvalidTarget
from backtest.studies.chunk import join
from backtest.studies.compute import compute_chunk
from backtest.studies.request import StudyRequest
from qa.examples import SMALL_STUDY
from store.queries.audit import Actor
from tests.workflows.cluster.studies.study_pods import StudyPods, new_id
from workflows.cluster.studies import assignment, executing, parts
from workflows.studies import chunk_step, submission

TESTER = Actor("tester")
AS_ARGUMENTS = {
    "symbols": "SP500",
    "rule_type": "MOVING_AVERAGE_CROSS",
    "space": '{"params.fast": [5, 10, 15], "params.slow": [20, 30]}',
    "start_date": "2009-01-02",
    "end_date": "2018-12-31",
}


@pytest.fixture
def pods(environment, tmp_path, monkeypatch):
    folder = tmp_path / "artifacts"
    folder.mkdir()
    return StudyPods(environment, folder, monkeypatch)


def local_hash(environment, study_id):
    """The hash that local steps give the study."""
    planned, prices = chunk_step.load(environment.database, study_id)
    whole = compute_chunk(planned.request, prices, 0, 1, planned=planned)
    return join([whole], planned.rows, planned.trials).digest


def test_one_pod_or_three_give_the_bytes_of_the_local_worker(environment, pods):
    ended = []
    for count in (1, 3):
        pods.new_workflow()
        ended.append(pods.execute(pods.enqueue(chunks=7), pods=count))

    assert [study.status for study in ended] == ["SUCCEEDED", "SUCCEEDED"], ended[0].error_message
    assert [(study.pods, study.done_chunks, study.missing_chunks) for study in ended] == [
        (1, 7, 0),
        (3, 7, 0),
    ]
    assert {study.result_hash for study in ended} == {local_hash(environment, ended[0].study_id)}
    first, second = (pods.summary(study.study_id) for study in ended)
    for account in (*first["accounts"], *second["accounts"]):
        account["statistics"].pop("deflated")  # the second one counts the trials of the same request once
    assert first == second


def test_a_single_pod_starts_no_others_and_the_figures_are_left_for_argo(pods):
    study = pods.execute(pods.enqueue(chunks=3))

    figures = {path.name: path.read_text() for path in (pods.folder / "figures").iterdir()}
    assert pods.numbers() == []
    assert figures["trials"] == "320"
    assert set(figures) == {"trials", "best_return", "best_sharpe_ratio", "deflated"}
    assert study.status == "SUCCEEDED"


def test_steps_that_are_executed_twice_store_once(environment, pods):
    study_id = pods.enqueue(chunks=4)
    pods.share(2)
    codes = [pods.plan(study_id), pods.plan(study_id)]
    for pod in (0, 1, 1):
        pods.chunk(study_id, pod)
    first = (pods.folder / "parts" / "1").read_bytes()
    pods.chunk(study_id, 1)
    pods.judge(study_id)
    codes += [pods.persist(study_id), pods.persist(study_id)]

    study = pods.get(study_id)
    assert codes == [0, 0, 0, 0]
    assert first == (pods.folder / "parts" / "1").read_bytes()
    assert (study.status, study.done_chunks, study.workflows) == ("SUCCEEDED", 4, 1)
    assert study.result_hash == local_hash(environment, study_id)


def test_a_lost_pod_within_the_allowed_share_leaves_missing_chunks_that_can_be_finished(environment, pods):
    study_id = pods.enqueue(chunks=40)

    study = pods.execute(study_id, pods=20, lost=(3,))

    assert (study.status, study.done_chunks, study.missing_chunks) == ("SUCCEEDED", 38, 2)
    assert pods.failures(study_id) == {6: "pod_lost", 7: "pod_lost"}
    submission.resume(environment.database, study_id, actor=TESTER)
    pods.new_workflow()
    completed = pods.execute(study_id, pods=2)
    assert assignment.read(pods.folder / "study", study_id).numbers == (6, 7)
    assert (completed.status, completed.done_chunks, completed.missing_chunks) == ("SUCCEEDED", 40, 0)
    assert completed.result_hash == local_hash(environment, study_id)


def test_more_than_a_twentieth_missing_is_a_failed_study_that_says_why_and_keeps_what_there_is(pods):
    study = pods.execute(pods.enqueue(chunks=4), pods=4, lost=(1,))

    assert (study.status, study.error_code, study.done_chunks) == ("FAILED", "pod_lost", 3)
    assert "Pod 2 of 4 left no result after all its attempts" in study.error_message
    assert "Finish the study" in study.error_message


def test_a_workflow_that_asks_again_for_a_failed_study_completes_it_as_argo_retry_does(pods):
    study_id = pods.enqueue(chunks=4)
    pods.execute(study_id, pods=4, lost=(1,))

    pods.new_workflow()
    study = pods.execute(study_id, pods=1)

    assert (study.status, study.done_chunks, study.workflows) == ("SUCCEEDED", 4, 2)


def test_a_judge_that_is_lost_costs_no_chunk(environment, pods):
    study_id = pods.computed(chunks=4, pods=2)

    pods.persist(study_id)

    failed = pods.get(study_id)
    assert (failed.status, failed.error_code, failed.done_chunks) == ("FAILED", "judge_lost", 4)
    submission.resume(environment.database, study_id, actor=TESTER)
    pods.new_workflow()
    study = pods.execute(study_id, pods=2)
    assert assignment.read(pods.folder / "study", study_id).numbers == ()
    assert (study.status, study.result_hash) == ("SUCCEEDED", local_hash(environment, study_id))


def test_a_study_of_more_pods_than_a_workflow_is_for_is_executed_by_several(environment, pods, monkeypatch):
    monkeypatch.setattr("workflows.studies.sharing.MOST_PODS", 2)
    study_id = pods.enqueue(chunks=8)

    first = pods.execute(study_id, pods=4)
    between = (first.status, first.workflow_uid, first.done_chunks)
    pods.new_workflow()
    pods.share(2)
    study = pods.execute(study_id, pods=2)

    assert between == ("RUNNING", None, 4)
    assert (study.status, study.done_chunks, study.workflows) == ("SUCCEEDED", 8, 2)
    assert study.result_hash == local_hash(environment, study_id)


def test_a_study_of_the_argo_ui_gets_the_row_that_the_web_would_have_made(pods):
    study_id = new_id()

    study = pods.execute(study_id, arguments=AS_ARGUMENTS | {"study_id": study_id})

    assert (study.status, study.symbols, study.trials) == ("SUCCEEDED", ["SP500"], 6)
    assert (study.workflow_name, study.workflow_uid, study.client) == ("study-1", pods.uid, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start_date": "yesterday"}, "start_date: must be a date"),
        ({"space": "fast=5"}, "space: must be a JSON object"),
        ({"space": ""}, "space: is required"),
        ({"space": '{"params.fast": [5, 5]}'}, "space.params.fast: must not contain a value twice"),
        ({"space": '{"colour": [5]}'}, "space.colour: is not a known field"),
        ({"symbols": "NOWHERE"}, "symbols: No price data for NOWHERE"),
        ({"rule_type": "NO_RULE"}, "rule_type: must be one of"),
        ({"colour": "red"}, "colour: is not a known field"),
        ({"study_id": "my study"}, "study_id: must be a UUID4"),
        ({"data_hashes": '{"SP500": "abc"}'}, "data_hashes: names prices of SP500 that are not stored"),
    ],
)
def test_a_mistake_is_a_failed_study_with_the_sentence_of_the_web(pods, changes, said):
    study_id = new_id()

    code = pods.plan(study_id, AS_ARGUMENTS | changes)
    again = pods.plan(study_id, AS_ARGUMENTS | changes)

    study = pods.get(study_id)
    assert (code, again) == (2, 2)
    assert (study.status, study.error_code) == ("FAILED", "invalid_request")
    assert said in study.error_message
    assert said in pods.termination_log.read_text()


def test_other_arguments_than_those_of_the_study_are_refused_and_change_nothing(pods):
    study_id = pods.enqueue(chunks=2)
    other = pods.arguments_of(study_id) | {"fee_rate": "0.005"}

    code = pods.plan(study_id, other)

    assert code == 2
    assert "these are not the arguments of study" in pods.termination_log.read_text()
    assert (pods.get(study_id).status, pods.get(study_id).workflow_uid) == ("PENDING", None)


def test_a_second_workflow_of_a_running_study_a_complete_and_a_cancelled_one_are_refused(environment, pods):
    study_id, cancelled = pods.enqueue(chunks=2), pods.enqueue(chunks=2, fee_rate=0.002)
    submission.cancel(environment.database, cancelled, actor=TESTER)
    said = []
    pods.share(1)
    pods.plan(study_id)
    first = pods.get(study_id).workflow_uid
    pods.uid = pods.uid[:-1] + "9"
    for each in (study_id, cancelled):
        assert pods.plan(each) == 2
        said.append(pods.termination_log.read_text())
    pods.uid = first
    pods.execute(study_id)
    assert pods.plan(study_id) == 2
    said.append(pods.termination_log.read_text())

    assert "is being executed by workflow study-1" in said[0]
    assert "was cancelled" in said[1]
    assert "is SUCCEEDED and complete" in said[2]


def test_a_study_with_a_request_too_long_for_arguments_is_named_by_its_id_alone(pods):
    study_id = pods.enqueue(chunks=2, space={"fee_rate": [n / 1e7 for n in range(12_000)]})

    arguments = pods.arguments_of(study_id)

    assert {name for name, value in arguments.items() if value} == {"study_id"}
    pods.share(1)
    assert pods.plan(study_id) == 0
    assert pods.get(study_id).status == "RUNNING"


def test_a_chunk_that_cannot_be_computed_is_missing_with_the_reason_of_its_rule(pods, monkeypatch):
    study_id, assigned, prices = pods.begin(chunks=4, pods=2)

    def refuse(request, datasets, number, *rest, **more):
        if number == 1:
            raise InvalidTarget("target must be between -1 and 1, or NaN, got 7")
        return compute_chunk(request, datasets, number, *rest, **more)

    monkeypatch.setattr(executing, "compute_chunk", refuse)
    for pod in pods.numbers():
        executing.write_part(assigned, prices, pod, pods.folder / "parts" / str(pod))
    pods.judge(study_id)
    pods.persist(study_id)

    study = pods.get(study_id)
    assert (study.status, study.error_code, study.done_chunks) == ("FAILED", "invalid_target", 3)
    assert "1 chunk of 4 failed" in study.error_message
    assert "got 7" in study.error_message


class TestForgedParts:
    """A pod executes code of rule packages: nothing that it leaves is believed."""

    @pytest.fixture
    def planned(self, pods):
        return pods, pods.computed(chunks=4, pods=2)

    def forge(self, planned, change):
        """Store what pod 0 left after `change`; why each chunk of the study is missing."""
        pods, study_id = planned
        change(pods.folder / "parts" / "0", pods.folder / "parts" / "1")
        pods.judge(study_id)
        pods.persist(study_id)
        return pods.failures(study_id), pods.get(study_id)

    def rewritten(self, path, entries):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
            for name, content in entries.items():
                file.writestr(name, content)

    def entries(self, path):
        with zipfile.ZipFile(path) as file:
            return {name: file.read(name) for name in file.namelist()}

    def test_a_chunk_under_the_number_of_another(self, planned):
        def swap(path, _):
            found = self.entries(path)
            self.rewritten(path, {"0.chunk": found["1.chunk"], "1.chunk": found["1.chunk"]})

        failures, study = self.forge(planned, swap)

        assert failures == {0: "bad_result", 1: "pod_lost"}
        assert study.status == "FAILED"

    def test_the_chunks_of_another_pod(self, planned):
        failures, _ = self.forge(planned, lambda path, other: shutil.copy(other, path))

        assert failures == {0: "pod_lost", 1: "pod_lost"}

    def test_bytes_that_are_no_part(self, planned):
        failures, _ = self.forge(planned, lambda path, _: path.write_bytes(b"nothing"))

        assert failures == {0: "pod_lost", 1: "pod_lost"}

    def test_a_return_that_is_not_that_of_the_equity(self, planned):
        def polish(path, _):
            found = self.entries(path)
            chunk = parts.Chunk.decode(found["0.chunk"])
            columns = dict(chunk.columns)
            columns["total_return"] = columns["total_return"] + 1.0
            better = parts.Chunk(chunk.number, chunk.chunks, chunk.first, columns)
            self.rewritten(path, found | {"0.chunk": better.encode()})

        failures, _ = self.forge(planned, polish)

        assert failures == {0: "bad_result", 1: "pod_lost"}

    def test_a_summary_that_is_not_that_of_the_chunks(self, planned):
        pods, study_id = planned
        pods.judge(study_id)
        result = pods.folder / "result"
        result.write_text(result.read_text().replace('"trials": 320', '"trials": 5'))

        pods.persist(study_id)

        study = pods.get(study_id)
        assert (study.status, study.error_code, study.done_chunks) == ("FAILED", "bad_result", 4)
        assert "trials is stated as 5" in study.error_message


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
def test_the_pods_that_execute_rules_read_prices_alone_and_those_that_write_execute_none(pods, accounts_of):
    study_id, reader, writer = pods.enqueue(chunks=4), accounts_of["READER"], accounts_of["WRITER"]
    pods.share(2)

    codes = [pods.plan(study_id, DATABASE_URL=writer)]
    pods.as_processes = True
    codes += [pods.chunk(study_id, pod, DATABASE_URL=reader) for pod in pods.numbers()]
    codes.append(pods.judge(study_id, DATABASE_URL=reader))
    with_the_readers = pods.persist(study_id, DATABASE_URL=reader)
    codes.append(pods.persist(study_id, DATABASE_URL=writer))

    assert codes == [0] * 5
    assert with_the_readers != 0
    assert pods.get(study_id).status == "SUCCEEDED"


def test_a_pod_with_two_processors_executes_two_chunks_at_once_with_the_same_bytes(pods, monkeypatch):
    _, assigned, prices = pods.begin(chunks=4, pods=1)
    written = []
    for count in (1, 2):
        monkeypatch.setattr(executing, "available", lambda count=count: count)
        executing.write_part(assigned, prices, 0, pods.folder / f"by-{count}")
        written.append((pods.folder / f"by-{count}").read_bytes())

    assert written[0] == written[1]


def test_the_request_in_the_arguments_is_the_request_of_the_row(pods):
    walk = {"train_bars": 500, "test_bars": 250, "anchored": True}
    study_id = pods.enqueue(chunks=1, walk_forward=walk, max_trials=400, seed=3, stop_loss_pct=5)
    pods.share(1)

    assert pods.plan(study_id) == 0
    assert StudyRequest.parse(pods.get(study_id).request).walk_forward.anchored
    assert set(pods.arguments_of(study_id)) >= set(SMALL_STUDY)
