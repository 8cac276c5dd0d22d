"""Signing in, with a token or through a provider of OpenID Connect, and signing out again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from config import logs
from store.models import Token
from store.queries import audit, tokens
from store.queries.audit import Action, Actor
from store.queries.tokens import Kind, Scope
from web.auth.authentication import cookie_name, find_token, is_behind_tls
from web.errors import SignInRefused
from web.services import database, now, settings

if TYPE_CHECKING:
    from web.auth.oidc import Provider

_PROVIDER = "stock_backtest_provider"
_BACK = "back"
log = logs.get(__name__)

bp = Blueprint("sign_in", __name__)


def register(app: Flask) -> None:
    """Attach the provider where people sign in through one."""
    with app.app_context():
        ours = settings()
    app.secret_key = ours.sign_in.secret_key or None
    app.config.update(
        SESSION_COOKIE_NAME="stock-backtest-sign-in",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=ours.public_url.startswith("https://"),
    )
    if ours.sign_in.mode == "oidc":
        from web.auth.oidc import Provider  # costs start-up time, and only this mode needs it

        app.extensions[_PROVIDER] = Provider(app, ours.sign_in)
    app.register_blueprint(bp)


@bp.get("/sign-in")
def page() -> ResponseReturnValue:
    """The ways in."""
    if settings().sign_in.mode == "off":
        return redirect(url_for("form_page.home"), 303)
    return _page()


@bp.post("/sign-in")
def by_token() -> ResponseReturnValue:
    """Open a session for the holder of a valid token."""
    back = inside(request.form.get("next"))
    if settings().sign_in.mode == "off":
        return redirect(back, 303)
    parent = find_token(request.form.get("token", "").strip(), Kind.TOKEN)
    if parent is None:
        return _page("This token is unknown, revoked or expired."), 401
    return _signed_in(parent.name, parent.client, Scope(parent.scope), back, parent)


@bp.get("/sign-in/start")
def start() -> ResponseReturnValue:
    """On to the provider, which sends the person back to us."""
    provider = _provider()
    session.clear()
    session[_BACK] = inside(request.args.get("next"))
    return provider.redirect(settings().public_url + url_for("sign_in.callback"))


@bp.get("/sign-in/callback")
def callback() -> ResponseReturnValue:
    """Back from the provider: let in whom the settings let in."""
    provider = _provider()  # before the session, which there is none of without the key of OpenID Connect
    try:
        person = provider.verify_callback()
    except SignInRefused as refused:
        log.warning("sign-in refused", error=str(refused))
        return _page(str(refused)), refused.status
    finally:
        back = inside(session.get(_BACK))
        session.clear()
    return _signed_in(person.name, f"user:{person.subject}", person.scope, back, None)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session here and in the database, so that a copy of the cookie is worth nothing."""
    secret = request.cookies.get(cookie_name(), "")
    with database().write() as writing:
        token = tokens.find(writing, secret, Kind.SESSION, now=now()) if secret else None
        if token is not None:
            tokens.revoke(writing, token.id, now=now())
            who = Actor(token.client, token.name)
            audit.record(writing, who, Action.SESSION_END, token.id, now=now())
    response = redirect(url_for("sign_in.page"), 303)
    response.delete_cookie(cookie_name(), secure=is_behind_tls(), httponly=True, samesite="Lax")
    return response


def inside(address: str | None) -> str:
    """An address of ours to go on to, whatever was asked for: never another site."""
    text = address or ""
    home = url_for("form_page.home")
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return home
    parts = urlsplit(text)
    return home if parts.scheme or parts.netloc else text


def _signed_in(name: str, client: str, scope: Scope, back: str, parent: Token | None) -> Response:
    lasts = timedelta(hours=settings().sign_in.session_hours)
    with database().write() as writing:
        opened, secret = tokens.open_session(
            writing, name=name, client=client, scope=scope, expires_at=now() + lasts, now=now(), parent=parent
        )
        who = Actor(opened.client, opened.name)
        audit.record(writing, who, Action.SESSION_OPEN, opened.id, now=now(), scope=scope)
    response: Response = redirect(back, 303)  # type: ignore[assignment]
    response.set_cookie(
        cookie_name(), secret, max_age=lasts, httponly=True, samesite="Lax", secure=is_behind_tls(), path="/"
    )
    return response


def _page(wrong: str = "") -> str:
    ours = settings().sign_in
    return render_template(
        "sign_in.html",
        wrong=wrong,
        issuer=urlsplit(ours.issuer).netloc if ours.mode == "oidc" else "",
        back=inside(request.values.get("next")),
    )


def _provider() -> Provider:
    provider: Provider | None = current_app.extensions.get(_PROVIDER)
    if provider is None:
        raise SignInRefused("sign-in through an identity provider is not enabled; use a token", status=404)
    return provider
