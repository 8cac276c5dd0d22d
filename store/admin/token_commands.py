"""`python -m store tokens …`: create, list and revoke the tokens of programs and the sessions of people."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

from backtest.console.printable import show
from store import schema
from store.models import Token
from store.queries import audit, tokens
from store.queries.audit import Action
from store.queries.tokens import Kind, Scope
from store.session import Database

_LONGEST_NAME = 100
_DEFAULT_DAYS = 90


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands about tokens."""
    parser = commands.add_parser("tokens", help="create, list and revoke access tokens for programs")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    creating = actions.add_parser("create", help="create a token and print it once")
    creating.add_argument("--name", required=True, type=_name, help="purpose of the token")
    creating.add_argument(
        "--scope", required=True, type=Scope, choices=list(Scope), metavar="read|submit|admin"
    )
    creating.add_argument(
        "--days", type=days, default=_DEFAULT_DAYS, help="validity in days; default: %(default)s"
    )
    creating.set_defaults(command=_create)
    listing = actions.add_parser("list", help="list all tokens, without their secrets")
    listing.add_argument("--sessions", action="store_true", help="list the sessions of people instead")
    listing.set_defaults(command=_list)
    revoking = actions.add_parser("revoke", help="revoke a token and the sessions it opened, or a session")
    revoking.add_argument("id", type=int)
    revoking.set_defaults(command=_revoke)


def _name(text: str) -> str:
    if not 1 <= len(text) <= _LONGEST_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"must be 1 to {_LONGEST_NAME} printable characters")
    return text


def days(text: str) -> int:
    """A number of days from the command line."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3_650:
        raise argparse.ArgumentTypeError(f"must be a whole number of days from 1 to 3650, got {text!r}")
    return int(text)


def _create(database: Database, arguments: argparse.Namespace) -> int:
    schema.require_sufficient(database.engine)
    now = datetime.now(UTC)
    expires_at = now + timedelta(days=arguments.days)
    with database.write() as session:
        token, secret = tokens.issue(
            session, name=arguments.name, scope=arguments.scope, expires_at=expires_at, now=now
        )
        audit.record(
            session, audit.operator(), Action.TOKEN_CREATE, token.id, now=now,
            name=token.name, scope=token.scope, days=arguments.days,
        )  # fmt: skip
        show(_line(token))
    show(
        f"\n{secret}\n\nThis is the only time it is shown. Send it as: Authorization: Bearer {tokens.PREFIX}…"
    )
    return 0


def _list(database: Database, arguments: argparse.Namespace) -> int:
    schema.require_sufficient(database.engine)
    with database.read() as session:
        listed = tokens.list_all(session, kind=Kind.SESSION if arguments.sessions else Kind.TOKEN)
    show("\n".join(map(_line, listed)) if listed else "there are none")
    return 0


def _revoke(database: Database, arguments: argparse.Namespace) -> int:
    schema.require_sufficient(database.engine)
    now = datetime.now(UTC)
    with database.write() as session:
        token = tokens.revoke(session, arguments.id, now=now)
        audit.record(
            session,
            audit.operator(),
            Action.TOKEN_REVOKE,
            token.id,
            now=now,
            name=token.name,
            kind=token.kind,
        )
    show(_line(token))
    return 0


def _line(token: Token) -> str:
    return (
        f"{token.id}: {token.name}, {token.scope}, created {_day(token.created_at)}, "
        f"last used {_day(token.last_used_at) if token.last_used_at else 'never'}, "
        + (
            f"revoked {_day(token.revoked_at)}"
            if token.revoked_at
            else f"expires {_day(token.expires_at) if token.expires_at else 'never'}"
        )
    )


def _day(timestamp: datetime) -> str:
    return f"{timestamp:%Y-%m-%d %H:%M}"
