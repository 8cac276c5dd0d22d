"""What of a result survives, computed and stored by two pods: equal to the local one, and nothing believed unseen."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from backtest import samples
from backtest.robustness import robustness as computed
from backtest.run.request import RunRequest
from backtest.studies.statistics.deflated import Tried
from qa.examples import REQUEST
from store.models import Robustness
from store.queries import runs
from store.queries.studies import ledger, robustness
from tests.workflows.cluster.step_pods import Pods
from workflows.cluster.robustness import form

PACKAGE = "workflows.cluster.robustness"


class RobustnessPods(Pods):
    """The pods of one run with a result, whose robustness was asked for."""

    def __init__(self, environment, folder):
        super().__init__(environment, folder)
        self.database, self.answer = environment.database, folder / "answer"
        self.run_id = environment.enqueue()
        assert (self.engine(self.run_id).returncode, self.persist(self.run_id).returncode) == (0, 0)
        self.ask()

    def ask(self):
        with self.database.write() as session:
            robustness.ask(session, self.run_id, now=datetime.now(UTC))

    def row(self):
        with self.database.read() as session:
            return robustness.find(session, self.run_id)

    def stored(self):
        with self.database.read() as session:
            return robustness.answer_of(session, self.run_id)

    def name(self):
        return form.name_of(self.run_id, self.row().created_at)

    def arguments(self, **changes):
        with self.database.read() as session:
            run = runs.get(session, self.run_id)
            tried = ledger.tried_with(session, run)
            return form.arguments_of(runs.request_of(run).as_json(), run.data_hashes, tried) | changes

    def compute(self, **changes):
        return self.run(
            "engine_pod", self.run_id, "--bundle", self.answer, package=PACKAGE, arguments=self.arguments(**changes)
        )  # fmt: skip

    def keep(self, *, name=None):
        which = ("--workflow-name", name or self.name(), "--bundle", self.answer)
        return self.run("persist_pod", self.run_id, *which, package=PACKAGE)

    def alter(self, change):
        """Have the engine pod state something else."""
        answer = json.loads(self.answer.read_text())
        change(answer)
        self.answer.write_text(json.dumps(answer))


@pytest.fixture
def pods(environment, tmp_path):
    return RobustnessPods(environment, tmp_path)


def test_both_pods_together_give_the_answer_of_pure_compute(pods):
    engine, persist = pods.compute(), pods.keep()

    expected = computed(RunRequest.parse(REQUEST), {"SP500": samples.load("SP500")}, tried=Tried(1, 0.0, 0.0))
    found = pods.stored()
    assert (engine.returncode, persist.returncode) == (0, 0), engine.stdout + persist.stdout
    assert pods.row().status == "SUCCEEDED"
    assert found | {"deflated": None} == json.loads(json.dumps(expected)) | {"deflated": None}
    assert found["deflated"]["trials"] == 1


def test_a_second_persist_pod_changes_nothing(pods):
    pods.compute()
    pods.keep()
    first = pods.row().completed_at

    again = pods.keep()

    assert (again.returncode, pods.row().completed_at) == (0, first)


def test_a_workflow_that_was_not_asked_stores_nothing_and_says_so(pods):
    pods.compute()

    persist = pods.keep(name="by-hand")

    assert (persist.returncode, pods.row().status) == (2, "PENDING")
    assert "ask for it on the page of the run" in pods.termination_message()


def test_the_workflow_of_an_earlier_question_stores_nothing(pods):
    pods.compute()
    earlier = pods.name()
    with pods.database.write() as session:
        later = {"created_at": pods.row().created_at + timedelta(minutes=1)}
        session.execute(update(Robustness).values(**later))

    persist = pods.keep(name=earlier)

    assert (persist.returncode, pods.row().status) == (0, "PENDING")


def test_a_workflow_without_the_prices_of_a_run_is_refused_with_the_way_to_ask(pods):
    engine = pods.compute(data_hashes="")

    assert engine.returncode == 2
    assert "data_hashes: must name the prices of a run with a result" in pods.termination_message()


@pytest.mark.parametrize(
    "tried",
    ['{"trials": 0, "mean": 0, "variance": 0}', '{"trials": 3}', '{"trials": 3, "mean": "x", "variance": 0}',
     '{"trials": 3, "mean": 0, "variance": 0, "more": 1}', '{"trials": 3, "mean": NaN, "variance": 0}',
     '{"trials": true, "mean": 0, "variance": 0}'],
)  # fmt: skip
def test_trials_that_no_ledger_writes_are_refused(pods, tried):
    engine = pods.compute(tried=tried)

    assert engine.returncode == 2
    assert "tried: must be a count from 1 and two numbers" in pods.termination_message()


FORGED = {
    "the run's own figures": lambda answer: answer["figures"].update(total_return=9.9),
    "the verdict": lambda answer: answer.update(verdict="The gain survives everything asked."),
    "a check": lambda answer: answer["checks"][0].update(passed=not answer["checks"][0]["passed"]),
    "a figure that is a text": lambda answer: answer["costs"][0]["figures"].update(total_return="<b>"),
    "fewer costs": lambda answer: answer["costs"].pop(),
    "another fill": lambda answer: answer["fills"][0].update(fill="best"),
    "no starts": lambda answer: answer["starts"].clear(),
    "a thousand starts": lambda answer: answer.update(starts=answer["starts"] * 100),
    "no luck and no reason": lambda answer: answer.update(luck=None),
    "a band without its end": lambda answer: answer["bands"]["annual_return"].pop("p5"),
    "something else beside it": lambda answer: answer.update(more=1),
    "an infinite number": lambda answer: answer["luck"].update(actual=float("inf")),
    "a long text": lambda answer: answer["reasons"].update(luck="x" * 5_000),
    "deep nesting": lambda answer: answer["deflated"].update(trials=[[[[[[[1]]]]]]]),
}


@pytest.mark.parametrize("forged", FORGED)
def test_an_answer_that_is_not_the_runs_is_refused(pods, forged):
    pods.compute()
    pods.alter(FORGED[forged])

    persist = pods.keep()

    assert (persist.returncode, pods.row().status, pods.stored()) == (2, "PENDING", None)
    assert "[bundle_" in pods.termination_message()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b'"' + b"x" * 2_000_000 + b'"'])
def test_an_answer_that_is_no_answer_is_refused(pods, content):
    pods.answer.write_bytes(content)

    persist = pods.keep()

    assert (persist.returncode, pods.row().status) == (2, "PENDING")
