"""A backup holds one state of the whole database, and gives back every row of it, on either kind of database."""

import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import delete, func, select

from store import schema
from store.__main__ import main
from store.admin import backup
from store.admin.check import problems
from store.errors import Conflict
from store.models import Run
from store.queries import datasets, presets, runs
from store.session import Database
from tests.backtest.price_bars import dataset
from tests.store.builders import NOON, submitted, succeeded, trade


def fill(database):
    """A run of each end with everything that belongs to it, prices, and a preset."""
    succeeded(database, [trade(1, pnl=0.1 + 0.2), trade(2, pnl=-1e-300)])
    submitted(database)
    failed, cancelled = submitted(database), submitted(database)
    with database.write() as session:
        runs.fail(session, failed, code="crash", message="ended with “signal 9”", now=NOON)
        runs.cancel(session, cancelled, now=NOON)
        runs.annotate(session, failed, name="運 <b>", tags=["ä", "'"], starred=True)
        datasets.add(session, dataset([100, 101]), now=NOON)
        presets.save(session, "mine", {"size": 1e-7, "symbols": ["SP500"]}, now=NOON)


def content(database):
    """Every row of every table."""
    with database.read() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in backup.TABLES
        }


def emptied(database):
    with database.write() as session:
        for table in reversed(backup.TABLES):
            session.execute(delete(table))


@pytest.fixture
def saved(database, tmp_path):
    """A backup of a filled database, and what it has to hold."""
    fill(database)
    backup.save(database, tmp_path / "backup.sqlite3")
    return tmp_path / "backup.sqlite3", content(database)


def test_what_is_restored_is_every_row_as_it_was(database, saved):
    file, before = saved
    emptied(database)

    counts = backup.restore(database, file, replace=False)

    assert content(database) == before
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert (counts["runs"], counts["trades"], counts["datasets"], counts["presets"]) == (4, 2, 1, 1)


@pytest.mark.parametrize("way", ["sqlite to mysql", "mysql to sqlite"])
def test_a_backup_moves_a_database_to_the_other_kind_of_database(way, sqlite_url, mysql_url, tmp_path):
    source, target = [Database.open(url) for url in (sqlite_url, mysql_url)][:: 1 if way[0] == "s" else -1]
    for database in (source, target):
        schema.upgrade(database.engine)
    fill(source)

    backup.save(source, tmp_path / "backup.sqlite3")
    backup.restore(target, tmp_path / "backup.sqlite3", replace=False)

    assert content(target) == content(source)
    for database in (source, target):
        database.close()


def test_a_backup_taken_while_runs_succeed_is_one_state_and_whole(database, tmp_path):
    for _ in range(20):
        succeeded(database, [trade(1), trade(2)])
    ended = threading.Event()

    def go_on():
        while not ended.is_set():
            succeeded(database, [trade(1), trade(2), trade(3)])

    writer = threading.Thread(target=go_on)
    writer.start()
    backup.save(database, tmp_path / "backup.sqlite3")
    ended.set()
    writer.join()

    copy = Database.open(f"sqlite:///{tmp_path / 'backup.sqlite3'}")
    with copy.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) >= 20
    assert list(problems(copy)) == []
    copy.close()


def test_a_database_with_rows_is_replaced_only_when_asked_to(database, saved):
    file, before = saved
    later = submitted(database)

    with pytest.raises(Conflict, match="not empty.*--replace"):
        backup.restore(database, file, replace=False)
    with database.read() as session:
        assert session.get(Run, later) is not None
    backup.restore(database, file, replace=True)

    assert content(database) == before


def test_a_backup_is_never_overwritten_and_only_its_owner_may_read_it(database, saved):
    file, _ = saved

    with pytest.raises(Conflict, match="already exists"):
        backup.save(database, file)

    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in file.parent.glob("*backup*")] == ["backup.sqlite3"]


def test_a_damaged_or_foreign_file_is_refused_and_the_database_stays(database, saved, tmp_path):
    file, before = saved
    cut, text, foreign = (tmp_path / name for name in ("cut", "text", "foreign"))
    cut.write_bytes(file.read_bytes()[:-9_000])
    text.write_text("-- a dump of something else\n" * 100)
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER)")

    for wrong in (cut, text, foreign, tmp_path / "absent"):
        with pytest.raises(backup.BackupError, match=wrong.name):
            backup.restore(database, wrong, replace=True)

    assert content(database) == before


def test_the_commands_say_what_they_kept_and_prove_what_they_restored(
    database, database_url, monkeypatch, capsys, tmp_path
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    fill(database)
    file = str(tmp_path / "backup.sqlite3")

    codes = [
        main(arguments) for arguments in (["backup", file], ["restore", file], ["restore", file, "--replace"])
    ]

    printed = capsys.readouterr()
    assert codes == [0, 2, 0]
    assert "4 runs" in printed.out.splitlines()[0]
    assert printed.err.startswith("error: the database is not empty")
    assert printed.out.splitlines()[-1] == "the database is consistent"


def test_a_backup_and_the_folder_made_for_it_are_closed_to_other_users(database, tmp_path):
    file = tmp_path / "backups" / "today.sqlite3"

    backup.save(database, file)

    assert [path.stat().st_mode & 0o077 for path in (file.parent, file)] == [0, 0]
