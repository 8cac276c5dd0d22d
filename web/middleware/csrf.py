"""Which site a request comes from, as the browser tells; and which of our own names it used."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, abort, request

from web.services import settings

_LOOKING = ("GET", "HEAD", "OPTIONS")
_THIS_MACHINE = ("localhost", ".localhost", "127.0.0.1", "::1")


def register(app: Flask) -> None:
    """Check both before every view."""
    app.before_request(refuse_other_names)
    app.before_request(refuse_other_sites)


def refuse_other_names() -> None:
    """A foreign name that somebody points at this machine (DNS rebinding) would make their page one of ours."""
    allowed = allowed_hosts()
    if allowed and not _is_one_of(_name(request.host), allowed):
        abort(400, "this host name is not answered to here; ALLOWED_HOSTS or PUBLIC_URL says which are")


def allowed_hosts() -> list[str]:
    """The names that are answered to; none is every name."""
    ours = settings()
    if ours.allowed_hosts:
        return list(ours.allowed_hosts)
    if ours.is_public:
        return []
    public = urlsplit(ours.public_url).hostname
    return [*_THIS_MACHINE, *([public] if public else [])]


def _name(host: str) -> str:
    """The name of a host without its port, in small letters."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_one_of(name: str, allowed: list[str]) -> bool:
    return any(name == one or (one.startswith(".") and name.endswith(one)) for one in map(str.lower, allowed))


def refuse_other_sites() -> None:
    """A browser that sends something on behalf of another site is refused (cross-site request forgery)."""
    if changes_something() and is_ours() is False:
        abort(403, "this form was sent from another site; open the page here and send it again")


def changes_something() -> bool:
    """Whether the request does more than look."""
    return request.method not in _LOOKING


def is_ours() -> bool | None:
    """Whether one of our own pages sent it; None where nothing tells, as with programs and very old browsers."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    if not origin:
        return None
    sent_from = urlsplit(origin)
    public = urlsplit(settings().public_url)
    return sent_from.netloc == request.host or (
        bool(public.netloc) and (sent_from.scheme, sent_from.netloc) == (public.scheme, public.netloc)
    )
