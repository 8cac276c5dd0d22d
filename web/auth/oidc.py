"""A provider of OpenID Connect, through Authlib: authorization code with PKCE, state and nonce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError

from config.settings import SignIn
from store.queries.tokens import Scope
from web.errors import SignInRefused

_NAME = "provider"
_TIMEOUT_SECONDS = 10
_ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Never `none`, and never a secret that both sides know."""
_ANYONE = "*"


@dataclass(frozen=True, slots=True)
class Person:
    """A person whom the provider authenticated, and the scope that the settings give."""

    subject: str
    name: str
    scope: Scope


class Provider:
    """An OpenID Connect provider through which people sign in."""

    def __init__(self, app: Flask, chosen: SignIn) -> None:
        self._chosen = chosen
        kwargs = {
            "scope": chosen.oidc_scope,
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT_SECONDS,
            **({} if chosen.client_secret else {"token_endpoint_auth_method": "none"}),  # nosec B105 the method, no secret
        }
        self._client: Any = OAuth(app).register(
            _NAME,
            client_id=chosen.client_id,
            client_secret=chosen.client_secret or None,
            server_metadata_url=f"{chosen.issuer}/.well-known/openid-configuration",
            client_kwargs=kwargs,
        )

    def redirect(self, callback: str) -> ResponseReturnValue:
        """Send the person to the provider; what proves the answer stays in a signed cookie."""
        try:
            self._prepare()
            return self._client.authorize_redirect(callback)  # type: ignore[no-any-return]
        except (requests.RequestException, ValueError) as error:
            raise _unavailable() from error

    def verify_callback(self) -> Person:
        """The person whom the provider sent back, after every check of its answer; or `SignInRefused`."""
        try:
            self._prepare()
            issuer = {"iss": {"essential": True, "values": [self._chosen.issuer, f"{self._chosen.issuer}/"]}}
            token = self._client.authorize_access_token(claims_options=issuer)
            claims = token.get("userinfo")
            if not claims or not claims.get("sub"):
                raise SignInRefused("the identity provider returned no user; sign in again")
            claims = self._completed(dict(claims), token)
        except (AuthlibBaseError, JoseError) as error:
            reason = getattr(error, "description", "") or getattr(error, "error", "") or type(error).__name__
            raise SignInRefused(f"sign-in failed ({str(reason)[:200]}); sign in again") from error
        except (requests.RequestException, ValueError) as error:
            raise _unavailable() from error
        return self._person(claims)

    def _prepare(self) -> None:
        metadata = self._client.load_server_metadata()
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in _ALGORITHMS]

    def _completed(self, claims: dict[str, Any], token: Mapping[str, Any]) -> dict[str, Any]:
        """Some providers tell roles only when asked a second time."""
        claim = self._chosen.role_claim
        if not claim or claim in claims or "userinfo_endpoint" not in self._client.server_metadata:
            return claims
        more = self._client.userinfo(token=token)
        return dict(more) | claims if more.get("sub") == claims["sub"] else claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        name = str(claims.get("name") or claims.get("email") or claims["sub"])
        scope = scope_of(claims, self._chosen)
        if scope is None:
            raise SignInRefused(
                f"you are {name}, and nobody let you in here yet; ask the operator, who names people in "
                "OIDC_READ, OIDC_SUBMIT and OIDC_ADMIN",
                status=403,
            )
        return Person(str(claims["sub"]), name, scope)


def scope_of(claims: Mapping[str, Any], chosen: SignIn) -> Scope | None:
    """The largest scope that the settings give for these claims; None is no access."""
    held = {*_roles(claims, chosen.role_claim), _ANYONE}
    for scope, named in (
        (Scope.ADMIN, chosen.admins),
        (Scope.SUBMIT, chosen.submitters),
        (Scope.READ, chosen.readers),
    ):
        if held & set(named):
            return scope
    return None


def _roles(claims: Mapping[str, Any], role_claim: str) -> set[str]:
    """What the settings may name: the values of the claim, or the subject and a verified e-mail address."""
    if role_claim:
        roles = claims.get(role_claim)
        return {roles} if isinstance(roles, str) else {str(role) for role in roles or () if role != _ANYONE}
    verified = claims.get("email") if claims.get("email_verified") is True else None
    return {str(claims["sub"])} | ({str(verified)} if verified else set())


def _unavailable() -> SignInRefused:
    return SignInRefused("the identity provider is unreachable; try again shortly", status=503)
