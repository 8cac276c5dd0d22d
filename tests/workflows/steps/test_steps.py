"""The two steps as processes of their own, with a run and a folder as arguments."""

import json
from datetime import UTC, datetime

import pytest

from backtest import samples
from backtest.run.outcome import run as run_purely
from backtest.run.request import RunRequest
from qa.examples import REQUEST
from qa.harness import mysql
from store.admin.check import problems
from store.queries import datasets, results, runs

SP500 = {"SP500": samples.load("SP500")}


def both_steps(environment, run_id, folder):
    engine = environment.run_step("engine", "--run-id", run_id, "--bundle", folder)
    persist = environment.run_step("persist", "--run-id", run_id, "--bundle", folder)
    return engine, persist


def test_a_run_is_computed_and_stored_bit_for_bit(environment, tmp_path):
    run_id = environment.enqueue()

    engine, persist = both_steps(environment, run_id, tmp_path / "bundle")

    assert (engine.returncode, persist.returncode) == (0, 0), engine.stdout + persist.stdout
    purely = run_purely(RunRequest.parse(REQUEST), SP500)
    with environment.database.read() as session:
        run, result = runs.get(session, run_id), results.get(session, run_id)
        trades = results.trades(session, run_id)
        assert (run.status, run.result_hash) == ("SUCCEEDED", purely.summary["result_hash"])
        assert run.started_at <= run.completed_at
        assert results.curve(result.equity).tobytes() == purely.curves["equity"].tobytes()
        assert (results.times(result.times) == purely.simulation.times).all()
        assert result.summary == json.loads(json.dumps(purely.summary))
        assert [trade.pnl for trade in trades] == purely.trades.pnl.tolist()
        assert {trade.side for trade in trades} == {"long"}
    assert list(problems(environment.database)) == []


def test_each_line_of_both_steps_carries_the_run_id_and_no_secret(environment, tmp_path):
    run_id = environment.enqueue()

    logged = "".join(
        step.stdout + step.stderr for step in both_steps(environment, run_id, tmp_path / "bundle")
    )

    lines = [json.loads(line) for line in logged.splitlines()]
    assert [line["event"] for line in lines] == ["run begins", "run computed", "run SUCCEEDED"]
    assert {line["run_id"] for line in lines} == {run_id}
    assert mysql.PASSWORD not in logged


def test_persisting_twice_is_persisting_once(environment, tmp_path):
    run_id = environment.enqueue()
    both_steps(environment, run_id, tmp_path / "bundle")
    first = environment.get(run_id)

    again = environment.run_step("persist", "--run-id", run_id, "--bundle", tmp_path / "bundle")

    assert again.returncode == 0
    assert environment.get(run_id).completed_at == first.completed_at
    assert list(problems(environment.database)) == []


def test_computing_an_ended_run_again_does_nothing(environment, tmp_path):
    run_id = environment.enqueue()
    both_steps(environment, run_id, tmp_path / "bundle")

    again = environment.run_step("engine", "--run-id", run_id, "--bundle", tmp_path / "other")

    assert (again.returncode, (tmp_path / "other").exists()) == (0, False)
    assert environment.get(run_id).status == "SUCCEEDED"


def test_a_cancelled_run_stays_cancelled_whatever_its_steps_bring(environment, tmp_path):
    run_id = environment.enqueue()
    environment.run_step("engine", "--run-id", run_id, "--bundle", tmp_path / "bundle")
    with environment.database.write() as session:
        runs.cancel(session, run_id, now=datetime.now(UTC))

    persist = environment.run_step("persist", "--run-id", run_id, "--bundle", tmp_path / "bundle")

    assert persist.returncode == 0
    assert environment.get(run_id).status == "CANCELLED"
    with environment.database.read() as session:
        assert results.get(session, run_id) is None


def test_a_run_keeps_to_the_prices_it_was_submitted_with(environment, tmp_path):
    run_id = environment.enqueue()
    google = samples.load("GOOG")
    other = type(google)("SP500", google.timeframe, "a later upload", rename(google.bars, "SP500"))
    with environment.database.write() as session:
        datasets.add(session, other, now=datetime.now(UTC))

    both_steps(environment, run_id, tmp_path / "bundle")

    assert (
        environment.get(run_id).result_hash
        == run_purely(RunRequest.parse(REQUEST), SP500).summary["result_hash"]
    )


def rename(bars, symbol):
    values = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    return type(bars)((symbol,), bars.times, **values, timeframe=bars.timeframe)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "trades.parquet").unlink(), "trades.parquet of the result is missing"),
        (
            lambda folder: (folder / "curves.parquet").write_bytes(
                (folder / "curves.parquet").read_bytes()[:99]
            ),
            "curves.parquet of the result is truncated: 99 of",
        ),
        (
            lambda folder: (folder / "summary.json").write_bytes(
                (folder / "summary.json").read_bytes().replace(b"SP500", b"SP501")
            ),
            "summary.json of the result was modified",
        ),
        (lambda folder: (folder / "manifest.json").unlink(), "the engine step left no complete result"),
    ],
    ids=["missing", "cut", "altered", "no manifest"],
)
def test_a_damaged_bundle_fails_its_run_and_says_what_is_wrong(environment, tmp_path, harm, message):
    run_id = environment.enqueue()
    environment.run_step("engine", "--run-id", run_id, "--bundle", tmp_path / "bundle")
    harm(tmp_path / "bundle")

    persist = environment.run_step("persist", "--run-id", run_id, "--bundle", tmp_path / "bundle")

    run = environment.get(run_id)
    assert (persist.returncode, run.status, run.error_code) == (2, "FAILED", "bad_result")
    assert message in run.error_message
    assert list(problems(environment.database)) == []


def test_a_rule_that_raises_leaves_a_bundle_that_says_so(environment, tmp_path):
    run_id = environment.enqueue_rule("RAISING")

    engine, persist = both_steps(environment, run_id, tmp_path / "bundle")

    run = environment.get(run_id)
    assert (engine.returncode, persist.returncode) == (1, 0)
    assert (run.status, run.error_code) == ("FAILED", "engine_failed")
    assert "ZeroDivisionError: no password=[redacted] here" in run.error_message
    assert "correct-horse-battery" not in engine.stdout + engine.stderr


def test_a_rule_that_is_not_installed_is_bad_input(environment, tmp_path):
    run_id = environment.enqueue_rule("SOLD_LAST_YEAR")

    engine, _ = both_steps(environment, run_id, tmp_path / "bundle")

    run = environment.get(run_id)
    assert (engine.returncode, run.status) == (2, "FAILED")
    assert "rule_type" in run.error_message
    assert "SOLD_LAST_YEAR" in run.error_message


def test_a_run_that_does_not_exist_is_bad_input_of_both_steps(environment, tmp_path):
    engine, persist = both_steps(environment, "123e4567-e89b-42d3-a456-426614174000", tmp_path / "bundle")

    assert (engine.returncode, persist.returncode) == (2, 2)
    assert "there is no run 123e4567-e89b-42d3-a456-426614174000" in engine.stdout


def test_a_result_larger_than_results_may_be_ends_the_run_with_what_is_allowed(environment, tmp_path):
    run_id, folder = environment.enqueue(), tmp_path / "bundle"
    environment.run_step("engine", "--run-id", run_id, "--bundle", folder)
    (folder / "more").write_bytes(bytes(1024 * 1024))

    persist = environment.run_step("persist", "--run-id", run_id, "--bundle", folder, MAX_RESULT_MIB="1")

    run = environment.get(run_id)
    assert (persist.returncode, run.status, run.error_code) == (0, "FAILED", "result_too_large")
    assert "at most 1 MiB are stored (MAX_RESULT_MIB). Shorten the range" in run.error_message
    assert list(problems(environment.database)) == []
