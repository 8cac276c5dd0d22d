"""Creates the account with which the engine step reads prices and nothing else; idempotent."""

from __future__ import annotations

import os
import sys

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config import logs
from config.errors import SettingsError
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import reason
from store.session import make_engine

READABLE = ("datasets",)
log = logs.get(__name__)


def main() -> int:
    """Create or change the account named by READER_USER, with SELECT on prices alone."""
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 logging is not configured yet
        return Exit.BAD_INPUT
    user, password = os.environ["READER_USER"], os.environ["READER_PASSWORD"]
    logs.configure_from(settings, process="reader")
    try:
        grant(make_engine(settings.database_url), user, password)
    except SQLAlchemyError as error:
        log.error("reader account not granted", error=reason(error))
        return Exit.TRY_AGAIN
    log.info("reader account granted", user=user, tables=READABLE)
    return Exit.OK


def grant(engine: Engine, user: str, password: str) -> None:
    """Give the account its password and SELECT on the tables of prices; revoke everything else."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (
            "CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s",
            "ALTER USER %s@'%%' IDENTIFIED BY %s",
        ):
            connection.exec_driver_sql(statement, (user, password))
        connection.exec_driver_sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s@'%%'", (user,))
        for table in READABLE:
            connection.exec_driver_sql(f"GRANT SELECT ON `{table}` TO %s@'%%'", (user,))


if __name__ == "__main__":
    sys.exit(main())
