"""Who may do what: every door needs a scope, and a door that nobody thought of needs one too."""

from __future__ import annotations

import hmac

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import Unauthorized

from store.queries.tokens import Scope
from web.auth.authentication import Identity, identity, is_behind_tls, recognise
from web.errors import wants_page
from web.middleware.csrf import changes_something, is_ours

OPEN = frozenset(
    {
        "assets.show",
        "health.health",
        "health.ready",
        "sign_in.page",
        "sign_in.by_token",
        "sign_in.start",
        "sign_in.callback",
        "sign_in.sign_out",
    }
)
ASKING = frozenset({"submit.check"})
"""POST because of its body, and changes nothing."""
ADMINISTERING = frozenset({"api.delete", "keeping.delete", "presets.remove", "presets.remove_by_form"})
FORM_FIELD = "csrf_token"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_HSTS = "max-age=31536000; includeSubDomains"


def register(app: Flask) -> None:
    """Let nobody past who is not allowed, and let templates name who is there."""
    app.before_request(admit)
    app.after_request(insist_on_tls)
    app.jinja_env.globals.update(identity=identity, form_token=form_token)


def needed(endpoint: str, method: str) -> Scope | None:
    """The scope that a door needs; None where everybody may come in."""
    if endpoint in OPEN:
        return None
    if endpoint in ADMINISTERING:
        return Scope.ADMIN
    return Scope.READ if method in ("GET", "HEAD", "OPTIONS") or endpoint in ASKING else Scope.SUBMIT


def admit() -> ResponseReturnValue | None:
    """Recognise who asks; send away who may not do this."""
    if request.endpoint is None:
        return None  # there is no such door, which anybody may know
    scope = needed(request.endpoint, request.method)
    if scope is None:
        return None
    g.identity = found = recognise()
    if found is None:
        return _sign_in_first()
    if not found.scope.allows(scope):
        abort(403, f"this needs the scope {scope}, yours is {found.scope}; the operator can give you more")
    if found.session and changes_something():
        _check_form(found)
    return None


def form_token() -> Markup:
    """The hidden field that every form of a session carries; nothing where there is no session."""
    found = identity()
    if found is None or not found.session:
        return Markup()
    return Markup('<input type="hidden" name="{}" value="{}">').format(FORM_FIELD, found.form_token)


def insist_on_tls(response: Response) -> Response:
    """Behind TLS, browsers shall never again try without."""
    if is_behind_tls():
        response.headers.setdefault("Strict-Transport-Security", _HSTS)
    return response


def _sign_in_first() -> ResponseReturnValue:
    if not wants_page() or changes_something():
        raise Unauthorized("sign in first, or send a token: Authorization: Bearer …")
    back = request.full_path.rstrip("?")
    return redirect(url_for("sign_in.page", next=None if back == "/" else back), 303)


def _check_form(found: Identity) -> None:
    """A cookie is sent by the browser whoever asks it to, so what comes with one must prove its page was ours.

    Scripts of another site cannot send JSON here: the browser would ask us first, and we never say yes.
    """
    if is_ours() is None:
        abort(403, "your browser does not tell which page sent this; use a newer one, or a token")
    sent = request.form.get(FORM_FIELD, "") if request.mimetype in _FORMS else found.form_token
    if not hmac.compare_digest(sent.encode(), found.form_token.encode()):
        abort(403, "this form is from an earlier session; open the page again and send it once more")
