"""How answers leave: headers, compression, and whose forms are taken."""

import gzip
import json

import pytest

from config.settings import Settings, SignIn
from tests.web.conftest import PAGE, SMALLEST
from web.application import create_app

PATHS = (
    "/",
    "/runs",
    "/datasets",
    "/docs",
    "/api/runs",
    "/openapi.json",
    "/health",
    "/runs/nothing",
    "/static/app.css",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_forbids_scripts_of_others_frames_and_guessing(client, path):
    headers = client.get(path, headers=PAGE).headers

    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/api/rules", "/docs", "/openapi.json"])
def test_text_is_compressed_for_those_who_take_it_and_is_the_same(client, path):
    plain = client.get(path, headers=PAGE)
    small = client.get(path, headers=PAGE | {"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 3


def test_what_is_small_is_sent_as_it_is(client):
    answer = client.get("/health", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in answer.headers
    assert json.loads(answer.data) == {"status": "ok"}


def test_pages_are_asked_for_anew_and_assets_by_their_version_never(client):
    page = client.get("/", headers=PAGE)
    named = page.text.split('rel="stylesheet" href="')[1].split('"')[0]

    versioned, plain = client.get(named), client.get("/static/app.css")

    assert page.headers["Cache-Control"] == "no-cache"
    assert versioned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Cache-Control"] == "no-cache"
    assert client.get("/static/app.css", headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/run_backtest", "/datasets", "/api/strategies", "/runs/some/delete"])
def test_a_browser_that_sends_another_sites_form_is_refused(client, site, path):
    answer = client.post(path, data={"symbols": "SP500"}, headers={"Sec-Fetch-Site": site})

    assert answer.status_code == 403
    assert client.get("/api/runs").json["runs"] == []


@pytest.mark.parametrize("site", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
def test_programs_and_our_own_pages_are_served(client, site):
    assert client.post("/run_backtest", json=SMALLEST, headers=site).status_code == 202


@pytest.mark.parametrize("name", ["../application.py", "nothing.js", "app.css/", ".."])
def test_nothing_but_assets_is_served_as_one(client, name):
    assert client.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_no_other_site_embeds_an_answer(client, path):
    assert client.get(path, headers=PAGE).headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/datasets", "/api/runs", "/openapi.json", "/runs/none", "/sign-in"]
)
def test_where_people_sign_in_nothing_private_stays_in_a_cache(filled_database, path):
    settings = Settings(sign_in=SignIn(mode="tokens", is_chosen=True))
    client = create_app(settings, database=filled_database).test_client()

    answer = client.get(path, headers=PAGE)

    assert answer.headers["Cache-Control"] == "no-store"
    assert "immutable" in client.get(client_asset(client)).headers["Cache-Control"]


def client_asset(client):
    """The address of the style sheet, as pages name it."""
    return client.get("/sign-in", headers=PAGE).text.split('rel="stylesheet" href="')[1].split('"')[0]
