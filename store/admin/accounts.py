"""The database's accounts: each has the rights that its component needs and no others; idempotent, safe while serving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import Connection, Engine, inspect, text

from config.errors import SettingsError
from store.errors import StoreError
from store.models import Base

READABLE = ("datasets",)
"""What the engine step reads."""
_VERSION = "alembic_version"
_WHOLE = ""
_DATA = ("SELECT", "INSERT", "UPDATE", "DELETE")
_DEFINITIONS = ("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES")
_READER_CONNECTIONS_PER_POD = 2
"""A step holds one; its successor may connect before it is seen to be gone."""
_READER_STATEMENT_SECONDS = 120

Right = tuple[str, str]
"""A place as GRANT names it, and a privilege."""
_HERE = "grantee = :grantee AND table_schema IN (:database, :pattern)"
_HELD = (
    (
        "SELECT '', privilege_type, is_grantable FROM information_schema.user_privileges WHERE grantee = :grantee",
        "*.*",
    ),
    (
        f"SELECT table_schema, privilege_type, is_grantable FROM information_schema.schema_privileges WHERE {_HERE}",  # noqa: S608 # nosec B608
        "`{}`.*",
    ),
    (
        f"SELECT table_name, privilege_type, is_grantable FROM information_schema.table_privileges WHERE {_HERE}",  # noqa: S608 # nosec B608
        "`{}`",
    ),
)
"""What is asked for, and how GRANT names the place of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as it is to be."""

    user: str
    password: str = field(repr=False)
    rights: Mapping[str, tuple[str, ...]]
    """Privileges by table; the empty name is the whole database."""
    connections: int = 0
    """How many it may hold at once; 0 is no limit."""
    statement_seconds: int = 0
    """How long one statement may take, where the server limits that for an account; 0 is no limit."""


def grant(engine: Engine, variables: Mapping[str, str], *, pods: int) -> list[Account]:
    """Create or change the accounts that the environment names, and return them.

    The administrator grants before a migration, so that the account that migrates exists, and again after it, for
    the tables that it made. What an account needs is granted before anything is revoked: nothing fails in between.
    """
    if engine.dialect.name != "mysql":
        raise StoreError("an SQLite file has no accounts; set DB_HOST and the others to grant on MySQL")
    accounts = _wanted(variables, set(inspect(engine).get_table_names()), pods)
    if engine.url.username in {account.user for account in accounts}:
        raise StoreError(
            f"{engine.url.username} cannot grant to itself: set DB_USER and DB_PASSWORD to MySQL's administrator"
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for account in accounts:
            _identify(connection, account)
            _give_exactly(connection, account)
    return accounts


def _wanted(variables: Mapping[str, str], tables: set[str], pods: int) -> list[Account]:
    written = dict.fromkeys(Base.metadata.tables, _DATA) | {_VERSION: ("SELECT",)}
    read = dict.fromkeys(READABLE, ("SELECT",))
    reader_limits = {
        "connections": _READER_CONNECTIONS_PER_POD * pods,
        "statement_seconds": _READER_STATEMENT_SECONDS,
    }
    accounts = [
        _account(variables, "MIGRATION_USER", "MIGRATION_PASSWORD", {_WHOLE: (*_DATA, *_DEFINITIONS)}),
        _account(variables, "WRITER_USER", "WRITER_PASSWORD", _existing(written, tables)),
        _account(variables, "READER_USER", "READER_PASSWORD", _existing(read, tables), **reader_limits),
    ]
    named = [account for account in accounts if account is not None]
    if not named:
        raise SettingsError(["set MIGRATION_USER, WRITER_USER or READER_USER to the account to be granted"])
    return named


def _existing(rights: Mapping[str, tuple[str, ...]], tables: set[str]) -> dict[str, tuple[str, ...]]:
    """Nothing can be granted on a table before a migration has made it."""
    return {name: privileges for name, privileges in rights.items() if name in tables}


def _account(
    variables: Mapping[str, str],
    user: str,
    password: str,
    rights: Mapping[str, tuple[str, ...]],
    **limits: int,
) -> Account | None:
    if not variables.get(user):
        return None
    if not variables.get(password):
        raise SettingsError([f"{password} is missing, but required by {user}"])
    return Account(user=variables[user], password=variables[password], rights=rights, **limits)


def _identify(connection: Connection, account: Account) -> None:
    limits = f"MAX_USER_CONNECTIONS {account.connections}"
    if getattr(connection.dialect, "is_mariadb", False):
        limits += f" MAX_STATEMENT_TIME {account.statement_seconds}"
    for statement in (
        "CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s",
        f"ALTER USER %s@'%%' IDENTIFIED BY %s WITH {limits}",
    ):
        connection.exec_driver_sql(statement, (account.user, account.password))


def _give_exactly(connection: Connection, account: Account) -> None:
    """Grant what is missing, then revoke what is too much."""
    wanted = {
        (_place(connection, name), privilege)
        for name, privileges in account.rights.items()
        for privilege in privileges
    }
    _change(connection, "GRANT {} ON {} TO %s@'%%'", account.user, wanted - _held(connection, account.user))
    _change(
        connection, "REVOKE {} ON {} FROM %s@'%%'", account.user, _held(connection, account.user) - wanted
    )


def _place(connection: Connection, table: str) -> str:
    return f"`{table}`" if table else f"`{_pattern(connection)}`.*"


def _pattern(connection: Connection) -> str:
    """The database as GRANT names it: a bare `_` stands for any character there."""
    return str(connection.engine.url.database).replace("_", r"\_")


def _held(connection: Connection, user: str) -> set[Right]:
    """What an account may do in this database, and what in every one."""
    here = {
        "grantee": f"'{user}'@'%'",
        "database": connection.engine.url.database,
        "pattern": _pattern(connection),
    }
    held: set[Right] = set()
    for query, place in _HELD:
        for name, privilege, is_grantable in connection.execute(text(query), here):
            held.add((place.format(name), privilege))
            if is_grantable == "YES":
                held.add((place.format(name), "GRANT OPTION"))
    return {(place, privilege) for place, privilege in held if privilege != "USAGE"}


def _change(connection: Connection, statement: str, user: str, rights: Iterable[Right]) -> None:
    """One statement for each place."""
    for place, group in groupby(sorted(rights), key=lambda right: right[0]):
        privileges = ", ".join(privilege for _, privilege in group)
        connection.exec_driver_sql(statement.format(privileges, place), (user,))
