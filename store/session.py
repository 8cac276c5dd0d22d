"""Connections to the database: one engine per process, one transaction per piece of work."""

from __future__ import annotations

import sqlite3
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pymysql.connections import Connection
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

_MYSQL_TIMEOUTS_SECONDS = {"connect_timeout": 5, "read_timeout": 30, "write_timeout": 30}
_SQLITE_LOCK_SECONDS = 30
_SQLITE_RETRY_SECONDS = 0.01
_READ_ONLY = {"read_only": True}


class Database:
    """An engine with sessions for reading and for writing; closes every session that it opens."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = sessionmaker(engine, expire_on_commit=False)
        self._reading = sessionmaker(engine.execution_options(**_READ_ONLY), expire_on_commit=False)

    @classmethod
    def open(cls, url: str, *, pool_size: int = 5) -> Database:
        """The database at this address; nothing is connected before it is needed."""
        return cls(make_engine(url, pool_size=pool_size))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with self._reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on any error."""
        with self._writing() as session, session.begin():
            yield session

    def ping(self) -> None:
        """Ask the database for nothing but an answer; raises what the database raises."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for SQLite or MySQL, set up so that both isolate and time out alike."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        pool_recycle=1_800,
        isolation_level="READ COMMITTED",
        connect_args={
            "charset": "utf8mb4",
            "init_command": "SET time_zone = '+00:00'",
            **_MYSQL_TIMEOUTS_SECONDS,
        },
    )
    engine.hide_parameters = True
    event.listen(engine, "do_connect", lambda _dialect, _record, _arguments, options: _Connection(**options))
    return engine


class _Connection(Connection):
    """PyMySQL's connection, which without DB_CA_FILE encrypts where the server can and believes any certificate.

    For that it would load every authority of this machine on each connection: 25 ms of processor time in each step.
    The context is made once a process instead, and inherited by forked steps.
    """

    def _create_ssl_ctx(self, options: dict[str, Any]) -> ssl.SSLContext:
        made: ssl.SSLContext = super()._create_ssl_ctx(options) if options else _of_any_certificate()  # type: ignore[misc]
        return made


@cache
def _of_any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _sqlite(url: str) -> Engine:
    _create_privately(make_url(url).database)
    engine = create_engine(url, connect_args={"timeout": _SQLITE_LOCK_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _pool_record: Any) -> None:
        connection.isolation_level = None  # the driver must begin none: `_begin` does
        _write_ahead(connection)
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # a writer takes its lock at once: one that reads first and writes later could find it taken
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set the journal mode, which is kept in the file, so that only the first connection of all changes it.

    SQLite does not wait for a lock here where another connection writes or changes the mode as well: it
    answers SQLITE_BUSY at once, whatever the timeout (sqlite3BtreeSetVersion asks for its second lock in a
    transaction that has begun, in which the busy handler is not called). Hence the retry.
    """
    end = time.monotonic() + _SQLITE_LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_SQLITE_RETRY_SECONDS)


def _create_privately(path: str | None) -> None:
    """Make the file, if there is none, for its owner alone; SQLite gives the files beside it the same mode."""
    if not path or path == ":memory:":
        return
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not Path(path).exists():
        Path(path).touch(mode=0o600)
