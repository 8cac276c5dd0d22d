"""Connections: the embedded database belongs to its owner alone."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from store import schema
from store.session import Database


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def written(tmp_path):
    """A database in a folder of its own, made under the usual umask, while it is written."""
    path = tmp_path / "var" / "backtest.sqlite3"
    with umask(0o022):
        database = Database.open(f"sqlite:///{path}")
        schema.upgrade(database.engine)
        with database.write():
            yield path
        database.close()


def test_the_embedded_database_its_journal_and_its_folder_are_closed_to_other_users(written):
    beside = sorted(path.name for path in written.parent.iterdir())

    assert beside == ["backtest.sqlite3", "backtest.sqlite3-shm", "backtest.sqlite3-wal"]
    assert {path.stat().st_mode & 0o077 for path in (written.parent, *written.parent.iterdir())} == {0}


def test_the_mode_that_an_operator_gave_a_database_stays(tmp_path):
    path = tmp_path / "backtest.sqlite3"
    path.touch(mode=0o640)

    Database.open(f"sqlite:///{path}").close()

    assert path.stat().st_mode & 0o777 == 0o640


def test_a_first_connection_waits_for_one_that_writes_while_the_journal_is_not_yet_write_ahead(tmp_path):
    path = tmp_path / "backtest.sqlite3"
    database = Database.open(f"sqlite:///{path}")
    with ThreadPoolExecutor() as pool, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        first = pool.submit(database.ping)
        with pytest.raises(TimeoutError):
            first.result(timeout=0.2)
        other.execute("ROLLBACK")

        first.result(timeout=60)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_many_first_connections_at_once_are_all_made(tmp_path):
    for number in range(20):
        databases = [Database.open(f"sqlite:///{tmp_path}/{number}.sqlite3") for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Database.ping, databases))
        for database in databases:
            database.close()
