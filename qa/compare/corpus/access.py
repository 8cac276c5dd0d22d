"""Requests to a product with authentication: each scope at each path, sessions, CSRF tokens, and rate limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qa.compare.corpus.submissions import request, run_id
from qa.compare.steps import PAGE, Step, get, send, send_form, send_json

SCOPES = ("read", "submit", "admin")
VARIABLES = {
    "SIGN_IN": "tokens",
    "SUBMISSIONS_PER_MINUTE": "1",
    "PUBLIC_URL": "https://backtest.example",
    "TRUSTED_PROXIES": "1",
}
"""At one submission a minute the second one exceeds the limit, even on a slow machine."""
_RUN = "00000000-0000-4000-8000-000000000000"
_TLS = {"X-Forwarded-Proto": "https", "Host": "backtest.example"}
_LOOKED_AT = (
    *("/", "/runs", "/datasets", "/docs", "/compare", "/sign-in", "/openapi.json", "/api/rules", "/api/runs"),
    *("/api/symbols", "/health", "/ready", "/metrics", "/static/app.css", f"/status/{_RUN}", "/nothing"),
    *("/sign-in?next=/runs", "/sign-in?next=//other.example", "/sign-in/start", "/sign-in/callback"),
)
_SENT: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/check", {}),
    ("POST", "/run_backtest", {}),
    ("PATCH", f"/api/runs/{_RUN}", {"name": "x"}),
    ("DELETE", f"/api/runs/{_RUN}", {}),
    ("POST", f"/runs/{_RUN}/cancel", {}),
    ("POST", f"/runs/{_RUN}/verify", {}),
    ("POST", f"/runs/{_RUN}/delete", {}),
    ("POST", "/api/strategies", {"name": "One", "request": {}}),
    ("DELETE", "/api/strategies/99", {}),
    ("POST", "/api/strategies/99/delete", {}),
)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def steps() -> Iterator[Step]:
    """Every path with every token, then with a session; `{token_read}` etc. stand for tokens of that scope."""
    for name in ("", "unknown", *(f"{{token_{scope}}}" for scope in SCOPES)):
        for path in _LOOKED_AT:
            yield Step("GET", path, headers=_bearer(name), note=f"token {name or 'missing'}")
        for method, path, body in _SENT:
            yield _with(send_json(path, body, method=method), _bearer(name), f"token {name or 'missing'}")
    yield from (get(path, page=True, note="not authenticated") for path in _LOOKED_AT)
    yield from _limited()
    yield from _session()


def _with(step: Step, headers: dict[str, str], note: str) -> Step:
    return Step(step.method, step.path, step.body, {**step.headers, **headers}, note, step.keep)


def _limited() -> Iterator[Step]:
    """More submissions than the rate limit allows."""
    for number in range(2):
        body = request("RSI", "GOOG", run_id=run_id(f"limited {number}"))
        yield _with(send_json("/run_backtest", body), _bearer("{token_submit}"), f"submission {number + 1}")
    upload = send("/api/datasets?symbol=X", b"Date\n", "text/csv")
    yield _with(upload, _bearer("{token_submit}"), "a bad upload beyond the limit")


def _session() -> Iterator[Step]:
    """A browser session: sign in with a token, submit forms, sign out."""
    yield send_form("/sign-in", {"token": "unknown"})
    yield send_form("/sign-in", {"token": "unknown"}, page=False)
    signing_in = send_form("/sign-in", {"token": "{token_admin}", "next": "/runs?limit=3"})
    cookie = {"cookie": r"^set-cookie: ([^;]+)"}
    yield Step("POST", signing_in.path, signing_in.body, {**signing_in.headers, **_TLS}, "over TLS")
    yield Step("POST", signing_in.path, signing_in.body, signing_in.headers, "signed in", cookie)
    signed_in = {"Cookie": "{cookie}", **PAGE}
    yield Step("GET", "/runs", headers={**signed_in, **_TLS}, note="cookie of another scheme")
    token = {"csrf": r'name="csrf_token" value="([^"]+)"'}
    yield Step("GET", "/", headers=signed_in, note="signed in", keep=token)
    own = {"Cookie": "{cookie}", "Sec-Fetch-Site": "same-origin"}
    for fields, note in (
        ({}, "no csrf_token"),
        ({"csrf_token": "x"}, "wrong"),
        ({"csrf_token": "{csrf}"}, "right"),
    ):
        path = f"/runs/{_RUN}/notes"
        yield _with(send_form(path, {"name": "x", **fields}), {**PAGE, **own}, note)
        yield _with(send_form(path, {"name": "x", **fields}), signed_in, f"{note}, site unknown")
    yield _with(send_json("/api/check", {}), own, "JSON of a session")
    yield _with(send_form("/sign-out", {"csrf_token": "{csrf}"}), own, "sign out")
    yield Step("GET", "/runs", headers=signed_in, note="signed out")
