"""The schema's version: which one the database has, which one this release needs, and the migration between."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from store.errors import SchemaAhead, SchemaBehind, StoreError

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = "stock_backtest_migration"
_LOCK_WAIT_SECONDS = 60
_TABLE_WAIT_SECONDS = 25
"""How long a migration waits for a table that a transaction holds: what comes after it on that table waits as well."""


def head() -> str:
    """The version that this release needs."""
    version = ScriptDirectory.from_config(_config()).get_current_head()
    assert version is not None
    return version


def current(engine: Engine) -> str | None:
    """The version that the database has; None for an empty one."""
    with engine.execution_options(read_only=True).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_sufficient(version: str | None) -> bool:
    """Whether this release works on that version: its own, or a later one, since migrations only add.

    After a rollback the schema is the later release's; versions are numbers of four digits.
    """
    return version is not None and version >= head()


def require_sufficient(engine: Engine) -> str:
    """The database's version; raises `SchemaBehind`, saying what to do, unless this release works on it."""
    version = current(engine)
    if version is None or not is_sufficient(version):
        raise SchemaBehind(version, head())
    return version


def require_head(engine: Engine) -> None:
    """Raise `SchemaBehind` or `SchemaAhead` unless the tables are exactly those that this release knows."""
    version, needed = require_sufficient(engine), head()
    if version != needed:
        raise SchemaAhead(
            f"the database's schema is at {version}, which a later release made, and this release knows {needed}: "
            "use the image of the later release for this"
        )


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the database to head, one process at a time; return the versions before and after.

    A later schema stays as it is: a rollback needs no downgrade.
    """
    before = current(engine)
    if before is not None and before > head():
        return before, before
    with engine.connect() as connection:
        _lock(connection)
        try:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            _unlock(connection)
    return before, head()


def _lock(connection: Connection) -> None:
    if connection.dialect.name != "mysql":
        return
    connection.execute(text("SET SESSION lock_wait_timeout = :seconds"), {"seconds": _TABLE_WAIT_SECONDS})
    acquired = connection.scalar(
        text("SELECT GET_LOCK(:name, :wait)"), {"name": _LOCK, "wait": _LOCK_WAIT_SECONDS}
    )
    connection.commit()
    if acquired != 1:
        raise StoreError(
            f"another migration has held its lock for {_LOCK_WAIT_SECONDS} seconds; try again later"
        )


def _unlock(connection: Connection) -> None:
    connection.rollback()
    if connection.dialect.name == "mysql":
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config
