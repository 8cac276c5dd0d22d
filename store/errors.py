"""The errors of the database: ours, and which of SQLAlchemy's mean that the database is unavailable."""

from __future__ import annotations

from pymysql.constants import CR, ER
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

UNAVAILABLE = (InterfaceError, OperationalError, PoolTimeout)
"""Raised where the database cannot do its work now: unreachable, locked, read-only, out of connections.

The same work may succeed later. It catches more than `is_unreachable`: a step that retries once too often costs
little, a run that fails for a lock that is held for a moment costs its user the run.
"""
_UNREACHABLE = {
    ER.CON_COUNT_ERROR,
    ER.TOO_MANY_USER_CONNECTIONS,
    ER.USER_LIMIT_REACHED,
    ER.SERVER_SHUTDOWN,
    CR.CR_CONNECTION_ERROR,
    CR.CR_CONN_HOST_ERROR,
    CR.CR_SERVER_GONE_ERROR,
    CR.CR_SERVER_LOST,
}
"""The codes of MySQL and its driver for a server that is not there, or has no connection left."""

_DENIED = {ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR}
"""The codes of MySQL for an account without the right to do this."""


def is_denied(error: SQLAlchemyError) -> bool:
    """Whether the account may not do this, which no retry changes."""
    return not _DENIED.isdisjoint(getattr(getattr(error, "orig", None), "args", ())[:1])


def is_unreachable(error: SQLAlchemyError) -> bool:
    """Whether the server gives no connection; false for a wrong statement or password, which retries do not fix."""
    cause = getattr(error, "orig", None)
    return isinstance(error, OperationalError) and not _UNREACHABLE.isdisjoint(getattr(cause, "args", ())[:1])


def reason(error: Exception) -> str:
    """What the driver reported, without the statement that SQLAlchemy adds to it."""
    return str(getattr(error, "orig", None) or error)


class StoreError(Exception):
    """The base of our errors of the database; the text says what to do."""


class Conflict(StoreError):
    """The same identity was used before for something else, or what is there stands in the way."""


class NotAllowed(StoreError):
    """A client may not change what belongs to another; the text says what it may do."""


class QuotaExceeded(StoreError):
    """A client asked for more than one client may; says what is allowed and when to retry."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class UnknownRun(StoreError):
    """There is no run of that id."""


class UnknownStudy(StoreError):
    """There is no study of that id."""


class UnknownToken(StoreError):
    """There is no token of that id."""


class UnknownDataset(StoreError):
    """There is no dataset of that symbol or hash."""


class DamagedDataset(StoreError):
    """The stored prices are not those that their hash names."""


class SchemaBehind(StoreError):
    """The database's schema is older than this release needs; `version` is None before the first migration."""

    def __init__(self, version: str | None, needed: str) -> None:
        self.version = version
        super().__init__(
            f"the database's schema is at {version or 'nothing'}, this release needs {needed}: "
            "run python -m store upgrade"
        )


class SchemaAhead(StoreError):
    """A later release made the database's schema, and this one would lose what it does not know."""


class BackupError(StoreError):
    """The file is no backup that this release can read."""
