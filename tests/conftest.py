"""Real databases for the tests: SQLite files, and a private MySQL or MariaDB started for the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from config.settings import Settings
from qa.harness import mysql
from qa.harness.mysql import MySQLServer
from store import schema
from store.session import Database

# A deadline measures wall time, of which a busy machine gives any amount.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")


def pytest_configure(config: pytest.Config) -> None:
    """Make sure of a server program before any worker starts."""
    if not hasattr(config, "workerinput"):
        try:
            mysql.program()
        except RuntimeError as error:
            raise pytest.UsageError(f"The tests need a MySQL or MariaDB server program: {error}") from None


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MySQLServer]:
    """The private server, whose user may do everything."""
    with mysql.running(*mysql.FAST) as server:
        server.execute(f"GRANT ALL ON *.* TO '{mysql.USER}'@'127.0.0.1' WITH GRANT OPTION")
        yield server


@pytest.fixture
def mysql_url(mysql_server: MySQLServer) -> Iterator[str]:
    """An empty MySQL database of the test's own."""
    with mysql_server.new_database() as name:
        yield mysql_server.url(database=name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty SQLite file of the test's own."""
    return f"sqlite:///{tmp_path / 'backtest.sqlite3'}"


@pytest.fixture(params=["sqlite", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind in turn: what is true on one is true on the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with its schema at head, of each kind in turn."""
    database = Database.open(database_url)
    schema.upgrade(database.engine)
    yield database
    database.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a test's own: its database, its folders, short leases."""
    return Settings(
        database_url=database_url,
        library_dir=tmp_path / "library",
        bundle_dir=tmp_path / "bundles",
        lease_seconds=2,
    )
