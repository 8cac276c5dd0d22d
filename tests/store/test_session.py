"""Connections: the embedded database belongs to its owner alone."""

import os
from contextlib import contextmanager

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
