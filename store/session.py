"""Connections to the record: one engine a process, one transaction a piece of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymysql.constants import CR, ER
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

_MYSQL_TIMEOUTS_SECONDS = {"connect_timeout": 5, "read_timeout": 30, "write_timeout": 30}
_READ_ONLY = {"read_only": True}
_AWAY = {
    ER.CON_COUNT_ERROR,
    ER.SERVER_SHUTDOWN,
    CR.CR_CONNECTION_ERROR,
    CR.CR_CONN_HOST_ERROR,
    CR.CR_SERVER_GONE_ERROR,
    CR.CR_SERVER_LOST,
}
"""What MySQL and its driver say where a server is not there, or has no connection left, for now."""


class Database:
    """The record, opened for reading or for writing; never leaks a session."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = sessionmaker(engine, expire_on_commit=False)
        self._reading = sessionmaker(engine.execution_options(**_READ_ONLY), expire_on_commit=False)

    @classmethod
    def open(cls, url: str, *, pool_size: int = 5) -> Database:
        """The record at this address; nothing is connected before it is needed."""
        return cls(make_engine(url, pool_size=pool_size))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the record and changes nothing."""
        with self._reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back whatever went wrong."""
        with self._writing() as session, session.begin():
            yield session

    def ping(self) -> None:
        """Ask the database for nothing but an answer; raises what the database raises."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def is_away(error: OperationalError) -> bool:
    """Whether the database may be back soon; a wrong statement or password is not mended by waiting."""
    return not _AWAY.isdisjoint(getattr(error.orig, "args", ())[:1])


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for SQLite or MySQL with the settings that keep both honest."""
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
    return engine


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, by us
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # a writer takes its lock at once: one that reads first and writes later could find it taken
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
