"""Real databases for the tests: SQLite files, and a private MySQL or MariaDB started for the session."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from pytest_mysql import factories

from config.settings import Settings
from store import schema
from store.session import Database

_FAST = " ".join(
    (
        "--skip-log-bin",
        "--bind-address=127.0.0.1",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=32M",
        "--max-connections=200",
        "--skip-name-resolve",
    )
)
_NEEDED = "mariadbd", "mysqld"
_INSTALL = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mariadb-server"]


def pytest_configure(config: pytest.Config) -> None:
    """Make sure of a server program before any worker starts."""
    if hasattr(config, "workerinput") or any(map(_program, _NEEDED)):
        return
    if os.getuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        subprocess.run(_INSTALL, check=True, env=environment, stdout=subprocess.DEVNULL)
    if not any(map(_program, _NEEDED)):
        raise pytest.UsageError(
            "The tests need a MySQL or MariaDB server program, and neither mysqld nor mariadbd is on PATH. "
            "Install one: apt-get install mariadb-server, dnf install mariadb-server or brew install mysql."
        )


def _program(name: str) -> str | None:
    """Where a server program is; Debian keeps it out of an ordinary user's PATH."""
    return shutil.which(
        name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    )


mysql_server = factories.mysql_proc(
    mysqld_exec=Path(_program("mysqld") or _program("mariadbd") or "mysqld"),
    port=None,
    user="root",
    host="127.0.0.1",
    params=_FAST,
    install_db=_program("mariadb-install-db") or _program("mysql_install_db"),
)


@pytest.fixture(scope="session")
def mysql_address(mysql_server: factories.process.MySQLExecutor) -> tuple[str, int]:
    """Host and port of the private server, with a user that signs in over TCP."""
    with (
        pymysql.connect(unix_socket=mysql_server.unixsocket, user="root") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE USER 'tester'@'127.0.0.1' IDENTIFIED BY 'local-test-only'")
        cursor.execute("GRANT ALL ON *.* TO 'tester'@'127.0.0.1' WITH GRANT OPTION")
    return "127.0.0.1", mysql_server.port


@pytest.fixture
def mysql_url(mysql_address: tuple[str, int]) -> Iterator[str]:
    """An empty MySQL database of the test's own."""
    host, port = mysql_address
    name = f"test_{uuid.uuid4().hex}"
    _execute(host, port, f"CREATE DATABASE {name}")
    yield f"mysql+pymysql://tester:local-test-only@{host}:{port}/{name}"
    _execute(host, port, f"DROP DATABASE {name}")


def _execute(host: str, port: int, statement: str) -> None:
    with (
        pymysql.connect(host=host, port=port, user="tester", password="local-test-only") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty SQLite file of the test's own."""
    return f"sqlite:///{tmp_path / 'record.sqlite3'}"


@pytest.fixture(params=["sqlite", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind in turn: what is true on one is true on the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The record with its schema at head, on each kind of database in turn."""
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
