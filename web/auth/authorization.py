"""Every endpoint needs a scope; one that is in none of the lists below needs one by its method."""

from __future__ import annotations

import hmac

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import Unauthorized

from store.queries.tokens import Scope
from web.auth.authentication import Identity, authenticate, identity, is_behind_tls
from web.errors import wants_page
from web.middleware.csrf import changes_state, is_same_site

PUBLIC_ENDPOINTS = frozenset(
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
READING_POSTS = frozenset({"submit.check", "formula_preview.preview", "study_submit.check"})
"""They are POST because of their body, and change nothing."""
ADMIN_ENDPOINTS = frozenset(
    {
        "api.delete",
        "run_actions.delete",
        "study_api.delete",
        "study_actions.delete",
        "maintenance.delete",
        "maintenance.delete_by_form",
        "maintenance.rename",
        "maintenance.rename_by_form",
        "presets.remove",
        "presets.remove_by_form",
        "audit.page",
        "audit.entries",
    }
)
FORM_FIELD = "csrf_token"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_HSTS = "max-age=31536000; includeSubDomains"


def register(app: Flask) -> None:
    """Authorize every request, and let templates name the identity."""
    app.before_request(authorize)
    app.after_request(add_hsts)
    app.jinja_env.globals.update(identity=identity, form_token=form_token)


def required_scope(endpoint: str, method: str) -> Scope | None:
    """The scope that an endpoint needs; None where it is public."""
    if endpoint in PUBLIC_ENDPOINTS:
        return None
    if endpoint in ADMIN_ENDPOINTS:
        return Scope.ADMIN
    return Scope.READ if method in ("GET", "HEAD", "OPTIONS") or endpoint in READING_POSTS else Scope.SUBMIT


def authorize() -> ResponseReturnValue | None:
    """Authenticate the request, and refuse it where its scope is too small."""
    if request.endpoint is None:
        return None  # there is no such endpoint: 404, which tells no secret
    scope = required_scope(request.endpoint, request.method)
    if scope is None:
        return None
    g.identity = identified = authenticate()
    if identified is None:
        return _ask_to_sign_in()
    if not identified.scope.allows(scope):
        abort(
            403,
            f"this needs the scope {scope}, yours is {identified.scope}; ask the operator for a higher scope",
        )
    if identified.session and changes_state():
        _check_form_token(identified)
    return None


def form_token() -> Markup:
    """The hidden field that every form of a session carries; nothing where there is no session."""
    current = identity()
    if current is None or not current.session:
        return Markup()
    return Markup('<input type="hidden" name="{}" value="{}">').format(FORM_FIELD, current.form_token)


def add_hsts(response: Response) -> Response:
    """Behind TLS, tell browsers never to use plain HTTP again (HSTS)."""
    if is_behind_tls():
        response.headers.setdefault("Strict-Transport-Security", _HSTS)
    return response


def _ask_to_sign_in() -> ResponseReturnValue:
    if not wants_page() or changes_state():
        raise Unauthorized("sign in first, or send a token: Authorization: Bearer …")
    back = request.full_path.rstrip("?")
    return redirect(url_for("sign_in.page", next=None if back == "/" else back), 303)


def _check_form_token(identified: Identity) -> None:
    """A browser sends a cookie with any page's request, so one with a session must prove that its page was ours.

    Scripts of another site cannot send JSON: the browser asks first (CORS preflight), and is never allowed to.
    """
    if is_same_site() is None:
        abort(403, "the browser did not send the origin of this form; use a current browser or a token")
    sent = request.form.get(FORM_FIELD, "") if request.mimetype in _FORMS else identified.form_token
    if not hmac.compare_digest(sent.encode(), identified.form_token.encode()):
        abort(403, "this form belongs to an earlier session; reload the page and submit it again")
