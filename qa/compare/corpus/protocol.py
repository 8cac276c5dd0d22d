"""HTTP basics: methods, unknown paths, Host headers, content negotiation, health, descriptions, static files."""

from __future__ import annotations

from collections.abc import Iterator

from qa.compare.steps import PAGE, Step, get, send

_DESCRIBED = (
    "/openapi.json",
    "/api/rules",
    "/api/metrics",
    "/api/symbols",
    "/api/datasets",
    "/api/strategies",
)
_OPERATED = ("/health", "/ready", "/metrics")
_RUN = "00000000-0000-4000-8000-000000000000"
_ADDRESSES = (
    *(
        "/",
        "/runs",
        "/compare",
        "/datasets",
        "/docs",
        "/sign-in",
        "/sign-out",
        "/run_backtest",
        "/fragments/params",
    ),
    *(
        "/api/check",
        "/api/runs",
        "/api/datasets/yahoo",
        "/datasets/preview",
        "/datasets/yahoo",
        "/static/app.css",
    ),
    *("/sign-in/start", "/sign-in/callback", "/api/strategies/1", "/api/strategies/1/delete"),
    *(
        f"/runs/{_RUN}",
        f"/runs/{_RUN}/cancel",
        f"/runs/{_RUN}/verify",
        f"/runs/{_RUN}/notes",
        f"/runs/{_RUN}/delete",
    ),
    *(f"/status/{_RUN}", f"/api/runs/{_RUN}", f"/api/runs/{_RUN}/curves", f"/api/runs/{_RUN}/markers"),
    *(f"/runs/{_RUN}/trades.csv", f"/runs/{_RUN}/result.json", f"/api/runs/{_RUN}/charts/equity.png"),
)
_UNKNOWN = (
    *(
        "/nothing",
        "/api",
        "/api/",
        "/api/nothing",
        "/runs/",
        "/status",
        "/status/",
        "/static/",
        "/static/nothing.js",
    ),
    *(
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "//runs",
        "/runs//",
        "/RUNS",
        "/health/",
        "/favicon.ico",
        "/robots.txt",
    ),
    *("/%00", "/%ff", "/runs/%2e%2e", "/admin", "/.env", "/.git/config", "/api/runs/x/nothing", "/?%00=%00"),
)
_HOSTS = (
    "localhost",
    "LOCALHOST:80",
    "[::1]:5000",
    "other.example",
    "127.0.0.1.other.example",
    "app.localhost",
    "",
    "a b",
)


def steps() -> Iterator[Step]:
    """Requests that need no runs."""
    yield from (get(path) for path in (*_OPERATED, *_DESCRIBED))
    yield from (
        get(path, page=True) for path in (*_OPERATED, *_DESCRIBED, "/", "/runs", "/datasets", "/docs")
    )
    yield from _methods()
    for path in _UNKNOWN:
        yield get(path)
        yield get(path, page=True)
    yield from _headers()
    yield from _assets()


def _methods() -> Iterator[Step]:
    """Allowed and refused methods of each path."""
    for path in (*_ADDRESSES, *_DESCRIBED, *_OPERATED):
        yield Step("OPTIONS", path)
        yield Step("PUT", path, b"")
        yield Step("TRACE", path)
        yield Step("HEAD", path)
    for path in (*_DESCRIBED[:4], *_OPERATED, "/docs", "/runs", "/compare", "/api/runs", f"/status/{_RUN}"):
        yield send(path, b"{}", "application/json")
        yield Step("DELETE", path, headers=PAGE)
    for path in ("/run_backtest", "/api/check", f"/runs/{_RUN}/cancel"):
        yield get(path)
        yield get(path, page=True)


def _headers() -> Iterator[Step]:
    for host in _HOSTS:
        yield Step("GET", "/health", headers={"Host": host}, note=f"Host {host!r}")
        yield Step("GET", "/runs", headers={"Host": host, **PAGE}, note=f"Host {host!r}")
    for name, value in (
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Forwarded", "proto=https"),
    ):
        yield Step("GET", "/runs", headers={name: value, **PAGE}, note=f"{name}: {value}")
    for accepted in ("*/*", "text/html;q=0.1,application/json", "application/xml", "text/html", "nonsense"):
        yield Step("GET", "/api/runs?limit=x", headers={"Accept": accepted}, note=accepted)
        yield Step("GET", "/runs?limit=x", headers={"Accept": accepted}, note=accepted)
    for token in ("Bearer x", "Basic eDp4", "x"):
        yield Step("GET", "/api/runs", headers={"Authorization": token}, note=token)


def _assets() -> Iterator[Step]:
    """A style sheet and a script: versioned as pages link them, with a wrong version, compressed, and conditional."""
    for kind, pattern in (
        ("css", r'href="(/static/[^"]+\.css\?v=[^"]+)"'),
        ("js", r'src="(/static/[^"]+\.js\?v=[^"]+)"'),
    ):
        yield get("/", page=True, note=f"its {kind}", keep={"asset": pattern})
        yield get("{asset}", note=kind)
        yield get("{asset}x", note=f"{kind} of another version")
        yield Step("GET", "{asset}", headers={"Accept-Encoding": "gzip"}, note=f"{kind}, compressed")
        yield get("{asset}", note=f"{kind}, its ETag", keep={"etag": r"^etag: (.+)$"})
        yield Step("GET", "{asset}", headers={"If-None-Match": "{etag}"}, note=f"{kind}, unchanged")
