"""Refuses requests of other sites (cross-site request forgery) and for foreign host names."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, abort, request

from web.services import settings

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LOCAL_HOSTS = ("localhost", ".localhost", "127.0.0.1", "::1")


def register(app: Flask) -> None:
    """Check both before every view."""
    app.before_request(check_host)
    app.before_request(check_origin)


def check_host() -> None:
    """Refuse a foreign name that points at this machine: by DNS rebinding its page would become one of ours."""
    allowed = allowed_hosts()
    if allowed and not _matches(_name(request.host), allowed):
        abort(400, "this host name is not allowed; add it to ALLOWED_HOSTS or PUBLIC_URL")


def allowed_hosts() -> list[str]:
    """The names that are answered to; none is every name."""
    ours = settings()
    if ours.allowed_hosts:
        return list(ours.allowed_hosts)
    if ours.is_public:
        return []
    public = urlsplit(ours.public_url).hostname
    return [*_LOCAL_HOSTS, *([public] if public else [])]


def _name(host: str) -> str:
    """The name of a host without its port, in small letters."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _matches(name: str, allowed: list[str]) -> bool:
    return any(
        name == host or (host.startswith(".") and name.endswith(host)) for host in map(str.lower, allowed)
    )


def check_origin() -> None:
    """Refuse what a browser sends on behalf of another site."""
    if changes_state() and is_same_site() is False:
        abort(403, "this form was sent from another site; open the page on this site and submit it again")


def changes_state() -> bool:
    """Whether the request may change something."""
    return request.method not in _SAFE_METHODS


def is_same_site() -> bool | None:
    """Whether a page of this site sent it; None where no header tells, as with programs and very old browsers."""
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
