"""Credentials of programs and people: 256 random bits each, of which the database stores the SHA-256 alone.

Slow hashes protect passwords, which can be guessed. 256 random bits cannot, so that a fast hash is as safe and
costs a request no time.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from store.errors import UnknownToken
from store.models import Token

PREFIX = "sbt_"
"""By it, secret scanners recognize a token."""
_RANDOM_BYTES = 32
_LAST_USE_PRECISION = timedelta(minutes=1)
_SESSIONS_KEPT = timedelta(days=30)
_LONGEST_CLIENT = 128


class Kind(StrEnum):
    """Whether a program or a person uses it."""

    TOKEN = "token"  # noqa: S105 a word # nosec B105
    SESSION = "session"


class Scope(StrEnum):
    """The permission of its bearer; each includes those before it."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"

    def allows(self, needed: Scope) -> bool:
        """Whether this permission includes `needed`."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


def issue(
    session: Session, *, name: str, scope: Scope, expires_at: datetime | None, now: datetime
) -> tuple[Token, str]:
    """A new token of a program, and its secret, which is not stored."""
    token, secret = _new(Kind.TOKEN, name, scope, expires_at, now)
    session.add(token)
    session.flush()
    token.client = f"token:{token.id}"
    return token, secret


def open_session(
    session: Session,
    *,
    name: str,
    client: str,
    scope: Scope,
    expires_at: datetime,
    now: datetime,
    parent: Token | None = None,
) -> tuple[Token, str]:
    """A new session of a person, which ends with the token it was opened by, if there is one; and its secret."""
    session.execute(delete(Token).where(Token.kind == Kind.SESSION, Token.expires_at < now - _SESSIONS_KEPT))
    if parent is not None and parent.expires_at is not None:
        expires_at = min(expires_at, parent.expires_at)
    opened, secret = _new(Kind.SESSION, name, scope, expires_at, now)
    opened.client = client if len(client) <= _LONGEST_CLIENT else f"user:{_hash(client)}"
    opened.parent_id = parent.id if parent else None
    session.add(opened)
    session.flush()
    return opened, secret


def find(session: Session, secret: str, kind: Kind, *, now: datetime) -> Token | None:
    """The token of this secret, unless it was revoked or has expired."""
    token = session.scalars(
        select(Token).where(Token.secret_hash == _hash(secret), Token.kind == kind)
    ).first()
    if token is None or token.revoked_at is not None:
        return None
    return None if token.expires_at is not None and token.expires_at <= now else token


def is_use_due(token: Token, *, now: datetime) -> bool:
    """Whether its last use is old enough to be updated: writing it with each request would cost too much."""
    return token.last_used_at is None or now - token.last_used_at >= _LAST_USE_PRECISION


def note_use(session: Session, token_id: int, *, now: datetime) -> None:
    """Store the time of its last use."""
    session.execute(update(Token).where(Token.id == token_id).values(last_used_at=now))


def list_all(session: Session, *, kind: Kind) -> Sequence[Token]:
    """All of a kind, the newest first."""
    return session.scalars(select(Token).where(Token.kind == kind).order_by(Token.id.desc())).all()


def revoke(session: Session, token_id: int, *, now: datetime) -> Token:
    """End a token with every session that it opened, or a session; `UnknownToken` where there is none."""
    token = session.get(Token, token_id)
    if token is None:
        raise UnknownToken(f"there is no token {token_id}; list them with python -m store tokens list")
    both = or_(Token.id == token_id, Token.parent_id == token_id)
    session.execute(
        update(Token).where(both, Token.revoked_at.is_(None)).values(revoked_at=now),
        execution_options={"synchronize_session": False},
    )
    session.refresh(token)
    return token


def _new(
    kind: Kind, name: str, scope: Scope, expires_at: datetime | None, now: datetime
) -> tuple[Token, str]:
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    token = Token(
        kind=kind,
        secret_hash=_hash(secret),
        name=name[:200],
        client="",
        scope=scope,
        created_at=now,
        expires_at=expires_at,
    )
    return token, secret


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
