"""Forms: sent by our own pages only, whatever a browser tells or does not; and names that are ours only."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.settings import Settings, SignIn
from store.queries import tokens
from store.queries.tokens import Scope
from tests.web.conftest import PAGE, SMALLEST
from tests.web.submission.test_submit import FORM
from web.application import create_app

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def signed_in(filled_database):
    """Makes a browser with a session of its own."""

    def signed_in(**settings):
        app = create_app(
            replace(Settings(sign_in=SignIn(mode="tokens", is_chosen=True)), **settings),
            database=filled_database,
        )
        client, now = app.test_client(), datetime.now(UTC)
        with filled_database.write() as session:
            _, secret = tokens.issue(session, name="desk", scope=Scope.ADMIN, expires_at=None, now=now)
        assert client.post("/sign-in", data={"token": secret}).status_code == 303
        return client

    return signed_in


def form_token(client):
    return re.search(r'name="csrf_token" value="(\w{64})"', client.get("/", headers=PAGE).text)[1]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Referer": "http://localhost/runs"}, 303),
        ({"Referer": "http://evil.example/localhost"}, 403),
        ({"Origin": "http://evil.example", "Referer": "http://localhost/"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({}, 303),
    ],
)  # fmt: skip
def test_without_sign_in_a_form_is_taken_from_our_page_and_from_programs(client, headers, code):
    assert client.post("/run_backtest", data=FORM, headers=headers | PAGE).status_code == code


@pytest.mark.parametrize(
    ("headers", "token", "code"),
    [
        (OURS, "right", 303),
        (OURS, "wrong", 403),
        (OURS, "", 403),
        (OURS, "é", 403),
        ({"Origin": "http://localhost"}, "right", 303),
        ({"Sec-Fetch-Site": "cross-site"}, "right", 403),
        ({"Origin": "http://evil.example"}, "right", 403),
        ({}, "right", 403),
    ],
    ids=["right", "wrong", "missing", "no ASCII", "by origin", "other site", "other origin", "nothing tells"],
)  # fmt: skip
def test_with_a_session_a_form_needs_the_token_of_its_page_and_a_word_where_it_comes_from(
    signed_in, headers, token, code
):
    client = signed_in()
    sent = FORM | {"csrf_token": form_token(client) if token == "right" else token}

    answer = client.post("/run_backtest", data=sent, headers=headers | PAGE)

    assert answer.status_code == code
    if headers == OURS and code == 403:
        assert "reload the page and submit it again" in answer.text


def test_a_form_of_another_session_is_refused(signed_in):
    client, other = signed_in(), signed_in()

    answer = client.post("/run_backtest", data=FORM | {"csrf_token": form_token(other)}, headers=OURS | PAGE)

    assert answer.status_code == 403


def test_every_form_that_changes_something_carries_the_token(signed_in, filled_database):
    client = signed_in()
    run_id = client.post("/run_backtest", json=SMALLEST, headers=OURS).json["run_id"]
    client.post("/api/strategies", json={"name": "mine", "request": SMALLEST}, headers=OURS)
    paths = ("/", "/datasets", f"/runs/{run_id}", "/runs", "/docs", "/runs/none")

    forms = [form for path in paths for form in re.findall(
        r'<form[^>]*method="post".*?</form>', client.get(path, headers=PAGE).text, flags=re.DOTALL)]  # fmt: skip

    assert len(forms) > 10
    assert [form[:120] for form in forms if 'name="csrf_token"' not in form] == []


def test_no_form_carries_a_token_where_nobody_is_signed_in(client):
    assert "csrf_token" not in client.get("/").text


def test_a_program_with_a_token_needs_no_form_and_no_origin(filled_database):
    app = create_app(Settings(sign_in=SignIn(mode="tokens", is_chosen=True)), database=filled_database)
    with filled_database.write() as session:
        _, secret = tokens.issue(
            session, name="ci", scope=Scope.SUBMIT, expires_at=None, now=datetime.now(UTC)
        )
    header = {"Authorization": f"Bearer {secret}"}

    codes = [app.test_client().post("/run_backtest", headers=header, **body).status_code
             for body in ({"json": SMALLEST}, {"data": FORM})]  # fmt: skip

    assert codes == [202, 202]


def test_a_script_of_another_site_is_never_told_that_it_may_send_json(client):
    asking = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}

    answer = client.options("/run_backtest", headers=asking)

    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("settings", "host", "code"),
    [
        (Settings(), "localhost:5000", 200),
        (Settings(), "127.0.0.1", 200),
        (Settings(), "[::1]:5000", 200),
        (Settings(), "evil.example", 400),
        (Settings(), "localhost.evil.example", 400),
        (Settings(public_url="https://backtest.example.com"), "backtest.example.com", 200),
        (Settings(allowed_hosts=("backtest.example.com",)), "localhost", 400),
        (Settings(host="0.0.0.0"), "anything.example", 200),
    ],
)  # fmt: skip
def test_a_name_that_somebody_points_at_this_machine_is_not_answered_to(
    filled_database, settings, host, code
):
    client = create_app(settings, database=filled_database).test_client()

    assert client.get("/api/rules", headers={"Host": host}).status_code == code


def test_behind_tls_browsers_are_told_to_stay_there_and_elsewhere_not(filled_database):
    def hsts(settings, **environ):
        client = create_app(settings, database=filled_database).test_client()
        return client.get("/health", **environ).headers.get("Strict-Transport-Security")

    assert hsts(Settings()) is None
    assert hsts(Settings(public_url="https://localhost")) == "max-age=31536000; includeSubDomains"
    proxied = {"headers": {"X-Forwarded-Proto": "https"}}
    assert hsts(Settings(), **proxied) is None
    assert hsts(Settings(trusted_proxies=1), **proxied) == "max-age=31536000; includeSubDomains"
