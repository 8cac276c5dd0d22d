"""Tokens: made and ended by a command, kept as hashes, allowed what their scope says, and what every endpoint needs."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from config.settings import Settings, SignIn
from qa.harness.run_queue import add_samples
from store.__main__ import main
from store.models import Run, Token
from store.queries import tokens
from store.queries.tokens import Kind, Scope
from tests.web.conftest import PAGE, SMALLEST
from web.application import create_app
from web.auth import authorization

GUARDED = SignIn(mode="tokens", is_chosen=True)
SECRET = re.compile(r"^sbt_[\w-]{43}$", re.MULTILINE)


@pytest.fixture
def guarded(database):
    """The application on a database of each kind, where every client needs a token."""
    add_samples(database)
    return create_app(Settings(sign_in=GUARDED), database=database)


@pytest.fixture
def bearer(database):
    """Makes a token; gives the header that carries it."""

    def bearer(scope, **more):
        now = datetime.now(UTC)
        with database.write() as session:
            _, secret = tokens.issue(
                session, name="test", scope=scope, now=now, **{"expires_at": None, **more}
            )
        return {"Authorization": f"Bearer {secret}"}

    return bearer


def methods_of(app):
    """Every method of every endpoint, addressed at things that are not there."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            path = re.sub(r"<int:\w+>", "1", rule.rule)
            yield rule.endpoint, method, re.sub(r"<[\w:]*>", "none", path)


def test_without_a_token_every_door_is_shut_but_those_meant_to_be_open(guarded):
    shut = {endpoint: guarded.test_client().open(path, method=method).status_code
            for endpoint, method, path in methods_of(guarded) if endpoint not in authorization.PUBLIC_ENDPOINTS}  # fmt: skip

    assert len(shut) > 35
    assert set(shut.values()) == {401}
    assert {
        endpoint for endpoint, _, _ in methods_of(guarded)
    } >= authorization.PUBLIC_ENDPOINTS | authorization.READING_POSTS | authorization.ADMIN_ENDPOINTS


@pytest.mark.parametrize("scope", list(Scope))
def test_each_door_lets_in_whose_scope_is_enough_and_nobody_else(guarded, bearer, scope):
    client, header, wrong = guarded.test_client(), bearer(scope), []

    for endpoint, method, path in methods_of(guarded):
        if endpoint in authorization.PUBLIC_ENDPOINTS:
            continue
        refused = client.open(path, method=method, headers=header).status_code in (401, 403)
        expected = not scope.allows(
            Scope.ADMIN
            if method == "DELETE" or path.endswith(("/delete", "/audit")) or "maintenance.rename" in endpoint
            else Scope.READ
            if method == "GET" or path in ("/api/check", "/api/check_study", "/api/preview")
            else Scope.SUBMIT
        )
        if refused != expected:
            wrong.append((endpoint, method))

    assert wrong == []


def test_a_refusal_tells_the_scope_that_is_needed_and_the_one_that_is_there(guarded, bearer):
    answer = guarded.test_client().post("/run_backtest", json=SMALLEST, headers=bearer(Scope.READ))

    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert "needs the scope submit, yours is read" in answer.json["detail"]


@pytest.mark.parametrize(
    "header", ["Bearer sbt_wrong", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer \udce9", "sbt_", "bearer x"],
    ids=["unknown", "empty", "basic", "no text", "bare", "lower case"],
)  # fmt: skip
def test_a_token_that_is_not_valid_is_said_to_be_and_how_to_get_another(guarded, header):
    environ = {"HTTP_AUTHORIZATION": header.encode("utf-8", "surrogateescape").decode("latin-1")}

    answer = guarded.test_client().get("/api/runs", environ_overrides=environ)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stock-backtest", error="invalid_token"'
    assert "ask the operator for a new one" in answer.json["detail"]


def test_no_token_at_all_is_told_what_to_send(guarded):
    answer = guarded.test_client().get("/api/runs")

    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stock-backtest"'
    assert "Authorization: Bearer" in answer.json["detail"]


def test_a_token_is_worth_nothing_once_it_has_run_out(guarded, bearer):
    past = datetime.now(UTC) - timedelta(seconds=1)
    soon = datetime.now(UTC) + timedelta(minutes=1)

    codes = [guarded.test_client().get("/api/runs", headers=bearer(Scope.READ, expires_at=moment)).status_code
             for moment in (past, soon)]  # fmt: skip

    assert codes == [401, 200]


def test_the_record_holds_the_hash_of_a_token_and_when_it_was_used_last(guarded, bearer, database):
    header = bearer(Scope.READ)
    secret = header["Authorization"].removeprefix("Bearer ")

    guarded.test_client().get("/api/runs", headers=header)

    with database.read() as session:
        kept = session.scalars(select(Token)).one()
        values = [str(getattr(kept, column.name)) for column in Token.__table__.columns]
    assert kept.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert not any(secret in value for value in values)
    assert datetime.now(UTC) - kept.last_used_at < timedelta(seconds=30)


def test_a_token_is_a_client_of_its_own_whatever_address_it_comes_from(guarded, bearer, database):
    header = bearer(Scope.SUBMIT)

    run_id = guarded.test_client().post("/run_backtest", json=SMALLEST, headers=header).json["run_id"]

    with database.read() as session:
        assert session.get(Run, run_id).client == f"token:{session.scalars(select(Token.id)).one()}"


def test_two_tokens_are_never_the_same(database):
    now = datetime.now(UTC)
    with database.write() as session:
        made = {
            tokens.issue(session, name="x", scope=Scope.READ, expires_at=None, now=now)[1] for _ in range(50)
        }

    assert len(made) == 50
    assert all(SECRET.match(secret) for secret in made)


def test_the_command_makes_a_token_shows_it_once_and_ends_it(
    database, database_url, guarded, monkeypatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    client = guarded.test_client()

    assert main(["tokens", "create", "--name", "nightly", "--scope", "submit", "--days", "30"]) == 0
    secret = SECRET.search(capsys.readouterr().out)[0]
    header = {"Authorization": f"Bearer {secret}"}
    before = client.post("/run_backtest", json=SMALLEST, headers=header).status_code
    assert main(["tokens", "list"]) == 0
    listed = capsys.readouterr().out
    assert main(["tokens", "revoke", re.search(r"^(\d+): nightly", listed, re.MULTILINE)[1]]) == 0
    revoked = capsys.readouterr().out

    assert before == 202
    assert "nightly, submit, created" in listed
    assert secret not in listed + revoked
    assert "revoked" in revoked
    assert client.get("/api/runs", headers=header).status_code == 401


def test_a_token_ends_after_ninety_days_unless_it_was_made_for_more_or_fewer(
    database, database_url, monkeypatch, capsys
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    begun = datetime.now(UTC)

    assert main(["tokens", "create", "--name", "usual", "--scope", "read"]) == 0
    assert main(["tokens", "create", "--name", "short", "--scope", "read", "--days", "7"]) == 0
    secret = SECRET.search(capsys.readouterr().out)[0]
    assert main(["tokens", "list"]) == 0

    listed = {
        name: line
        for line in capsys.readouterr().out.splitlines()
        for name in ("usual", "short")
        if name in line
    }
    for name, days in (("usual", 90), ("short", 7)):
        assert f"expires {begun + timedelta(days=days):%Y-%m-%d}" in listed[name]
    with database.read() as session:
        ends = [
            tokens.find(session, secret, Kind.TOKEN, now=begun + timedelta(days=days)) is None
            for days in (89, 91)
        ]
    assert ends == [False, True]


def test_revoking_what_is_not_there_says_how_to_find_what_is(database, database_url, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert main(["tokens", "list"]) == 0
    assert main(["tokens", "revoke", "7"]) == 2

    output = capsys.readouterr()
    assert output.out.endswith("there are none\n")
    assert "there is no token 7; list them with python -m store tokens list" in output.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "x", "--scope", "root"], "invalid"),
        (["--name", "", "--scope", "read"], "printable characters"),
        (["--name", "x", "--scope", "read", "--days", "0"], "from 1 to 3650"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    done = subprocess.run(
        [sys.executable, "-m", "store", "tokens", "create", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"DATABASE_URL": "sqlite:////nowhere/x"},
    )

    assert done.returncode == 2
    assert message in done.stderr


def test_without_sign_in_nobody_needs_a_token_and_a_wrong_one_does_no_harm(client):
    assert client.get("/api/runs").status_code == 200
    assert client.get("/api/runs", headers={"Authorization": "Bearer x"}).status_code == 200


def test_a_token_opens_a_session_on_the_page_that_ends_with_it(guarded, bearer, database):
    client = guarded.test_client()
    secret = bearer(Scope.READ)["Authorization"].removeprefix("Bearer ")

    wrong = client.post("/sign-in", data={"token": "sbt_wrong"}, headers=PAGE)
    entered = client.post("/sign-in", data={"token": secret, "next": "/runs?q=x"}, headers=PAGE)
    inside = client.get("/runs", headers=PAGE)
    with database.write() as session:
        tokens.revoke(session, session.scalars(select(Token).where(Token.kind == Kind.TOKEN)).one().id,
                      now=datetime.now(UTC))  # fmt: skip
    outside = client.get("/runs", headers=PAGE)

    assert (wrong.status_code, "unknown, revoked or expired" in wrong.text) == (401, True)
    assert (entered.status_code, entered.location) == (303, "/runs?q=x")
    assert (inside.status_code, "Sign out" in inside.text) == (200, True)
    assert (outside.status_code, outside.location) == (303, "/sign-in?next=/runs")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "backtest.example.com"])
@pytest.mark.parametrize("module", ["app.py", "web"])
def test_the_web_does_not_start_for_others_before_somebody_says_who_may_come_in(host, module, tmp_path):
    command = [module] if module.endswith(".py") else ["-m", module]
    environment = os.environ | {"HOST": host, "PORT": "0", "DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3"}
    environment.pop("SIGN_IN", None)

    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=environment, timeout=600
    )

    assert done.returncode == 2
    assert (
        f"SIGN_IN is missing, and HOST={host} is reachable from other machines: set SIGN_IN=oidc"
        in done.stderr
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_this_machine_alone_nothing_needs_to_be_said(host):
    assert Settings.from_env({"HOST": host}).require_guarded() is None


@pytest.mark.parametrize("mode", ["off", "tokens"])
def test_for_others_too_it_starts_once_a_mode_was_chosen(mode):
    settings = Settings.from_env({"HOST": "0.0.0.0", "SIGN_IN": mode})

    assert settings.require_guarded() is None
    assert settings.sign_in == replace(SignIn(), mode=mode, is_chosen=True)
