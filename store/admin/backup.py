"""Backups: an SQLite file with the same tables, written while serving, restored in one transaction."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from alembic.util.exc import CommandError
from sqlalchemy import Connection, Table, delete, func, insert, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from backtest.plural import counted
from store import schema
from store.errors import BackupError, Conflict, SchemaAhead, reason
from store.models import Base
from store.queries import audit
from store.queries.audit import Action, Actor
from store.session import Database

TABLES = Base.metadata.sorted_tables
_ROWS_AT_ONCE = 200


def save(database: Database, file: Path) -> Mapping[str, int]:
    """Write one state of the whole database into a new file; return the number of rows of each table.

    The file appears under its name when it is complete. Writers do not wait for it.
    """
    schema.require_head(database.engine)
    if file.exists():
        raise Conflict(f"{file} already exists: choose another name, backups are never overwritten")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=file.parent) as folder:
        unfinished = Path(folder) / file.name
        unfinished.touch(mode=0o600)
        copy = _open(unfinished)
        schema.upgrade(copy.engine)
        with _one_state(database) as source, copy.engine.begin() as target:
            counts = _copy(source, target)
        _into_one_file(copy)
        unfinished.rename(file)
    return counts


def restore(
    database: Database, file: Path, *, replace: bool, actor: Actor | None = None
) -> Mapping[str, int]:
    """Replace the content of the database by a backup's, all or nothing; return the number of rows of each table.

    A backup of an earlier release is brought to this one's schema first. The audit trail becomes the backup's, and
    names `actor` as the one who restored it. Raises `Conflict` where the database has rows and `replace` is false.
    """
    schema.require_head(database.engine)
    if not file.is_file():
        raise BackupError(f"there is no file {file}")
    with tempfile.TemporaryDirectory(prefix="restore-") as folder:  # the backup itself is never upgraded
        copy = _open(Path(shutil.copy(file, folder)))
        try:
            _require_sound(copy, file)
            schema.upgrade(copy.engine)
            schema.require_head(copy.engine)
        except (DatabaseError, CommandError, SchemaAhead) as error:
            raise BackupError(
                f"{file} is not a backup that this release can read: {reason(error)}"
            ) from error
        with copy.engine.connect() as source, database.engine.begin() as target:
            _make_room(target, replace=replace)
            counts = _copy(source, target)
            if actor is not None:
                _record(target, actor, file)
        copy.close()
    return counts


def _record(target: Connection, actor: Actor, file: Path) -> None:
    with Session(target) as session:
        audit.record(session, actor, Action.DATABASE_RESTORE, file.name, now=datetime.now(UTC))
        session.commit()


def _open(path: Path) -> Database:
    return Database.open(f"sqlite:///{path}")


def _one_state(database: Database) -> Connection:
    """A connection whose queries all see the state of the first one."""
    options = {} if database.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    return database.engine.connect().execution_options(read_only=True, **options)


def _copy(source: Connection, target: Connection) -> dict[str, int]:
    return {table.name: _copy_table(table, source, target) for table in TABLES}


def _copy_table(table: Table, source: Connection, target: Connection) -> int:
    count = 0
    rows = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
    for part in rows.mappings().partitions():
        target.execute(insert(table), [dict(row) for row in part])
        count += len(part)
    return count


def _make_room(target: Connection, *, replace: bool) -> None:
    for table in reversed(TABLES):
        count = target.scalar(select(func.count()).select_from(table)) or 0
        if count and not replace:
            raise Conflict(
                f"the database is not empty, {table.name} has {counted(count, 'row')}: pass --replace to discard them"
            )
        target.execute(delete(table))


def _require_sound(copy: Database, file: Path) -> None:
    with copy.engine.connect() as connection:
        report = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    if report != "ok":
        raise BackupError(f"{file} is damaged: {report}")
    if schema.current(copy.engine) is None:
        raise BackupError(f"{file} is not a backup of this program: it has no schema version")


def _into_one_file(copy: Database) -> None:
    """Write the journal back into the file: it is complete without the files beside it."""
    connection = copy.engine.raw_connection()
    connection.cursor().execute("PRAGMA journal_mode = DELETE")
    connection.close()
    copy.close()
