"""`python -m store check`: silent on a consistent database, one sentence for each thing that is broken."""

import zlib

import pytest
from sqlalchemy import delete, update

from store import schema
from store.__main__ import main
from store.admin.check import problems
from store.models import Result, Run, RunSymbol, Status, StoredDataset, Trade
from store.queries import datasets, runs
from store.session import Database
from tests.backtest.price_bars import dataset
from tests.store.builders import NOON, submitted, succeeded, trade


def changed(database, statement):
    with database.write() as session:
        session.execute(statement)


def test_a_database_of_finished_failed_and_waiting_runs_is_consistent(database):
    succeeded(database, [trade(1), trade(2)])
    succeeded(database)
    submitted(database)
    failed = submitted(database)
    with database.write() as session:
        runs.fail(session, failed, code="crash", message="the step ended with signal 9", now=NOON)
        datasets.add(session, dataset([100, 101]), now=NOON)

    assert list(problems(database)) == []


def test_a_succeeded_run_without_a_result_is_found(database):
    run_id = succeeded(database)

    changed(database, delete(Result))

    assert list(problems(database)) == [f"run {run_id} is SUCCEEDED and has no result"]


def test_a_result_of_a_run_that_did_not_succeed_is_found(database):
    run_id = succeeded(database)

    changed(database, update(Run).values(status=Status.CANCELLED))

    assert list(problems(database)) == [f"run {run_id} is CANCELLED and has a result"]


def test_a_result_that_is_not_the_one_of_its_run_is_found(database):
    run_id = succeeded(database)

    changed(database, update(Run).values(result_hash="x"))

    assert list(problems(database)) == [f"run {run_id} has result hash x, its result says {'r' * 64}"]


def test_a_lost_trade_is_found(database):
    run_id = succeeded(database, [trade(1), trade(2)])

    changed(database, delete(Trade).where(Trade.seq == 1))

    assert list(problems(database)) == [f"run {run_id} states 2 trades but has 1"]


@pytest.mark.parametrize(
    ("column", "problem_text"), [("equity", "cannot be read: "), ("times", "have different lengths: [3, 4]")]
)
def test_curves_that_were_altered_are_reported(database, column, problem_text):
    run_id = succeeded(database)
    stored = {"equity": b"nothing", "times": zlib.compress(bytes(24))}[column]

    changed(database, update(Result).values({column: stored}))

    [problem] = problems(database)
    assert problem.startswith(f"the curves of run {run_id} {problem_text}")


def test_trades_of_a_run_without_a_result_are_reported(database):
    run_id = succeeded(database, [trade(1)])

    changed(database, delete(Result))
    changed(database, update(Run).values(status=Status.FAILED, error_message="no memory"))

    assert list(problems(database)) == [f"trades has rows of run {run_id}, which is FAILED"]


@pytest.mark.parametrize("table", [Result, RunSymbol, Trade])
def test_rows_of_a_run_that_is_not_there_are_reported(sqlite_url, table):
    database = Database.open(sqlite_url)
    schema.upgrade(database.engine)
    run_id = succeeded(database, [trade(1)])
    connection = database.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = OFF")
    for other in {Result, RunSymbol, Trade, Run} - {table}:
        cursor.execute(f"DELETE FROM {other.__tablename__}")
    connection.close()

    assert list(problems(database)) == [f"{table.__tablename__} has rows of run {run_id}, which is not there"]
    database.close()


@pytest.mark.parametrize("message", [None, ""])
def test_a_failure_that_says_nothing_is_found(database, message):
    run_id = submitted(database)

    values = {"status": Status.FAILED, "error_message": message, "completed_at": NOON}
    changed(database, update(Run).values(**values))

    assert list(problems(database)) == [f"run {run_id} is FAILED and has no message"]


def test_an_ended_run_without_the_time_of_its_end_is_found(database):
    run_id = succeeded(database)

    changed(database, update(Run).values(completed_at=None))

    assert list(problems(database)) == [f"run {run_id} has ended and has no end time"]


def test_prices_that_were_altered_are_reported(database):
    right, other = dataset([100, 101]), dataset([100, 102])
    with database.write() as session:
        datasets.add(session, right, now=NOON)

    changed(database, update(StoredDataset).values(payload=other.encode()))

    [problem] = problems(database)
    assert problem.startswith(f"dataset {right.data_hash} of AAA: the stored prices of AAA")
    assert f"the content {other.data_hash}" in problem


def test_prices_that_cannot_be_read_are_found_and_the_search_goes_on(database):
    broken, lost = dataset([100, 101], symbol="AAA"), dataset([100, 101], symbol="BBB")
    with database.write() as session:
        datasets.add(session, broken, now=NOON)
        datasets.add(session, lost, now=NOON)

    changed(database, update(StoredDataset).values(payload=b"nothing"))

    sentences = sorted(problems(database), key=lambda text: text.split(" of ")[1])
    assert [line.split(": ")[0] for line in sentences] == [
        f"dataset {one.data_hash} of {one.symbol}" for one in (broken, lost)
    ]


def test_the_command_ends_with_1_and_the_sentences_where_something_is_broken(
    database, database_url, monkeypatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    run_id = succeeded(database)

    whole = main(["check"])
    changed(database, delete(Result))
    broken = main(["check"])

    assert (whole, broken) == (0, 1)
    assert capsys.readouterr().out.splitlines() == [
        "the database is consistent",
        f"run {run_id} is SUCCEEDED and has no result",
        "1 problem",
    ]
