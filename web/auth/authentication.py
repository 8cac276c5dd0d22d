"""Identifies a request: a program by its token, a person by a session; where sign-in is off, by address."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from flask import g, request
from werkzeug.exceptions import Unauthorized

from store.models import Token
from store.queries import tokens
from store.queries.audit import Actor
from store.queries.tokens import Kind, Scope
from web.services import database, now, settings

_BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated client, the name that its submissions are accounted to, and its scope."""

    client: str
    scope: Scope
    name: str = ""
    session: str = field(default="", repr=False)
    """The secret of a person's session; programs have none, and where sign-in is off there is none."""

    @property
    def form_token(self) -> str:
        """The CSRF token that every form of this session carries: derived from its secret, unknown to other sites."""
        return hmac.new(self.session.encode(), b"form", hashlib.sha256).hexdigest()


class InvalidToken(Unauthorized):
    """A token was sent that is unknown, revoked or expired."""


def identity() -> Identity | None:
    """The identity of this request; None where it was not authenticated, or did not have to be."""
    authenticated: Identity | None = g.get("identity")
    return authenticated


def client() -> str:
    """The name that submissions are accounted to."""
    authenticated = identity()
    return authenticated.client if authenticated else client_address()


def actor() -> Actor:
    """The client, with the name of the person or token where it has one: whom the audit trail names."""
    authenticated = identity()
    return Actor(client(), authenticated.name if authenticated else "")


def client_address() -> str:
    """The name of a client of which nothing but the address is known."""
    return f"address:{request.remote_addr or 'unknown'}"


def authenticate() -> Identity | None:
    """The identity behind this request, or None; `InvalidToken` where a token was sent that is not valid."""
    if settings().sign_in.mode == "off":
        return Identity(client_address(), Scope.ADMIN)
    header = request.headers.get("Authorization", "")
    if header:
        token = find_token(header.removeprefix(_BEARER), Kind.TOKEN) if header.startswith(_BEARER) else None
        if token is None:
            raise InvalidToken("the token is unknown, revoked or expired; ask the operator for a new one")
        return Identity(token.client, Scope(token.scope), token.name)
    secret = request.cookies.get(cookie_name(), "")
    token = find_token(secret, Kind.SESSION) if secret else None
    return Identity(token.client, Scope(token.scope), token.name, secret) if token else None


def find_token(secret: str, kind: Kind) -> Token | None:
    """The token or session of a secret; its use is noted once a minute."""
    with database().read() as session:
        token = tokens.find(session, secret, kind, now=now())
    if token is not None and tokens.is_use_due(token, now=now()):
        with database().write() as session:
            tokens.note_use(session, token.id, now=now())
    return token


def is_behind_tls() -> bool:
    """Whether people reach us over https, as PUBLIC_URL or a trusted proxy says."""
    return settings().public_url.startswith("https://") or request.is_secure


def cookie_name() -> str:
    """The session's cookie; behind TLS no other host can set one of this name."""
    return "__Host-stock-backtest" if is_behind_tls() else "stock-backtest"
