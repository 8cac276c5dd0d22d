"""What an operator does with the commands is in the audit trail, under the user of the operating system."""

import getpass
import re
from datetime import UTC, datetime, timedelta

import pytest

from backtest.prices.library import Library
from store.__main__ import main
from store.admin.preparation import import_library
from store.queries import audit, datasets, tokens
from store.queries.audit import Action, Actor, Filter
from store.queries.tokens import Scope
from tests.backtest.prices.test_library import prices

OPERATOR = f"cli:{getpass.getuser()}"


@pytest.fixture
def run(database, database_url, monkeypatch):
    """Runs a command on the database."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments):
        assert main([str(each) for each in arguments]) == 0

    return run


def trail(database):
    with database.read() as session:
        entries, _ = audit.page(session, Filter(), before=None, limit=100)
    return [(entry.client, entry.action, entry.target_id, entry.detail) for entry in reversed(entries)]


def test_tokens_that_are_created_and_revoked_name_the_operator(database, run, capsys):
    run("tokens", "create", "--name", "nightly", "--scope", "submit")
    token_id = re.match(r"\d+", capsys.readouterr().out)[0]
    run("tokens", "revoke", token_id)

    assert trail(database) == [
        (OPERATOR, "token.create", token_id, {"name": "nightly", "scope": "submit", "days": 90}),
        (OPERATOR, "token.revoke", token_id, {"name": "nightly", "kind": "token"}),
    ]


def test_prices_that_are_imported_name_the_operator(database, run, tmp_path):
    file = tmp_path / "acme.csv"
    file.write_text(
        "Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10,11,9,10,100\n"
    )
    run("import", file, "--symbol", "ACME")

    ((client, action, _, detail),) = trail(database)
    assert (client, action, detail["symbol"], detail["bars"]) == (OPERATOR, "dataset.import", "ACME", 2)


def test_a_split_that_is_applied_names_the_operator_and_is_the_current_version(
    database, run, tmp_path, capsys
):
    file = tmp_path / "acme.csv"
    file.write_text("Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10,100\n2024-01-03,5,6,4,5,200\n")
    run("import", file, "--symbol", "ACME")

    run("split", "ACME", "2024-01-03", "2:1")

    (_, _, imported, _), (client, action, applied, detail) = trail(database)
    assert (client, action, detail["symbol"]) == (OPERATOR, "dataset.split", "ACME")
    assert applied != imported
    with database.read() as session:
        current = datasets.current_of(session, ["ACME"])["ACME"]
        assert current.data_hash == applied
        assert datasets.load(session, applied).bars.close[:, 0].tolist() == [5.0, 5.0]
    assert "for a 2:1 split" in capsys.readouterr().out


def test_a_restored_database_has_the_trail_of_the_backup_and_who_restored_it(database, run, tmp_path):
    file = tmp_path / "backup.sqlite3"
    run("tokens", "create", "--name", "before", "--scope", "read")
    run("backup", file)
    run("tokens", "create", "--name", "after", "--scope", "read")

    run("restore", "--replace", file)

    assert [(entry[1], entry[2]) for entry in trail(database)] == [
        ("token.create", "1"),
        ("database.restore", "backup.sqlite3"),
    ]


def test_pruning_deletes_what_is_old_and_says_so_in_the_trail(database, run, capsys):
    now = datetime.now(UTC)
    with database.write() as session:
        for days in (400, 31, 29):
            at = now - timedelta(days=days)
            audit.record(session, Actor("token:1"), Action.RUN_CANCEL, f"run {days}", now=at)

    run("prune-audit", "--days", "30")

    assert capsys.readouterr().out == "2 entries deleted\n"
    assert [(entry[1], entry[2]) for entry in trail(database)] == [
        ("run.cancel", "run 29"),
        ("audit.prune", "audit"),
    ]
    assert trail(database)[1][3] == {"days": 30, "deleted": 2}


def cancelled(database, *ages):
    now = datetime.now(UTC)
    with database.write() as session:
        for days in ages:
            at = now - timedelta(days=days)
            audit.record(session, Actor("token:1"), Action.RUN_CANCEL, f"run {days}", now=at)


def retain(database, days):
    with database.write() as session:
        return audit.retain(session, days=days, now=datetime.now(UTC))


def test_entries_older_than_the_retention_are_deleted_and_the_trail_says_so(database):
    cancelled(database, 400, 366, 364)

    assert retain(database, 365) == 2
    assert trail(database) == [
        ("token:1", "run.cancel", "run 364", {}),
        ("system", "audit.prune", "audit", {"days": 365, "deleted": 2}),
    ]


def test_a_trail_without_old_entries_and_one_that_is_retained_for_ever_stay_as_they_are(database):
    assert retain(database, 365) == 0
    cancelled(database, 400)

    assert (retain(database, 0), retain(database, 401)) == (0, 0)
    assert [entry[2] for entry in trail(database)] == ["run 400"]


def test_a_large_trail_is_pruned_in_parts(database, monkeypatch):
    monkeypatch.setattr(audit, "MOST_PRUNED", 2)
    cancelled(database, 404, 403, 402, 401)

    assert [retain(database, 365) for _ in range(3)] == [2, 2, 0]


def test_the_library_that_is_imported_at_the_start_is_recorded_and_the_bundled_prices_are_not(
    database, tmp_path
):
    library = Library(tmp_path)
    library.add(prices("ACME", [1, 2]))

    for _ in range(2):
        with database.write() as session:
            import_library(session, library)

    assert [(entry[0], entry[1], entry[3]["symbol"]) for entry in trail(database)] == [
        (OPERATOR, "dataset.import", "ACME")
    ]


def test_a_name_that_a_provider_chose_moves_no_cursor_of_who_lists_it(database, run, capsys):
    now = datetime.now(UTC)
    with database.write() as session:
        tokens.open_session(
            session, name="Eve\x1b[2J", client="user:eve", scope=Scope.READ, expires_at=now, now=now
        )

    run("tokens", "list", "--sessions")

    shown = capsys.readouterr().out
    assert "Eve\\x1b[2J" in shown
    assert "\x1b" not in shown
