"""People sign in through a real provider of OpenID Connect: what is checked, who is let in, and how it ends."""

import base64
import hashlib
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.sessions import SecureCookieSessionInterface

from config import logs
from config.errors import SettingsError
from config.settings import Settings, SignIn
from store.models import Run
from store.queries.tokens import Scope
from tests.web.conftest import PAGE, SMALLEST
from tests.web.oidc_provider import ALICE, KEY, MALLORY, code_from, field, provider
from tests.web.submission.test_submit import FORM
from web.application import create_app
from web.auth.oidc import scope_of
from web.auth.sign_in import inside

HERE = "http://localhost"
CHOSEN = SignIn(mode="oidc", is_chosen=True, client_id="stock-backtest", client_secret="known-to-both",
                secret_key=KEY, submitters=("alice@example.com",))  # fmt: skip
OURS = {"Sec-Fetch-Site": "same-origin", **PAGE}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with provider(tmp_path_factory.mktemp("provider"), ALICE, MALLORY) as issuer:
        yield issuer


@pytest.fixture
def people(filled_database, issuer):
    """Makes a browser of the application, which asks the real provider."""

    def people(*, public_url=HERE, **changes):
        chosen = replace(CHOSEN, **({"issuer": issuer} | changes))
        return create_app(
            Settings(public_url=public_url, sign_in=chosen), database=filled_database
        ).test_client()

    return people


def asked(client, back="/"):
    """Where the application sends a person who wants to sign in."""
    answer = client.get("/sign-in/start", query_string={"next": back})
    assert answer.status_code == 302, answer.text
    return answer.location


def sign_in(client, person="alice", back="/"):
    return client.get("/sign-in/callback", query_string=code_from(asked(client, back), person), headers=PAGE)


def test_a_person_signs_in_submits_and_signs_out(people, filled_database):
    client = people()

    sent_away = client.get("/runs?q=x", headers=PAGE)
    entered = sign_in(client, back=field(client.get(sent_away.location, headers=PAGE).text, "next"))
    page = client.get("/", headers=PAGE)
    token = field(page.text, "csrf_token")
    submitted = client.post("/run_backtest", data=FORM | {"csrf_token": token}, headers=OURS)
    left = client.post("/sign-out", data={"csrf_token": token}, headers=OURS)

    assert sent_away.location == "/sign-in?next=/runs?q%3Dx"
    assert (entered.status_code, entered.location) == (303, "/runs?q=x")
    assert "Alice Ang" in page.text
    assert submitted.status_code == 303
    with filled_database.read() as session:
        assert session.get(Run, submitted.location.split("/")[-1]).client == "user:alice"
    assert (left.status_code, left.location) == (303, "/sign-in")
    assert client.get("/runs", headers=PAGE).status_code == 303


def test_a_copy_of_the_cookie_is_worth_nothing_after_signing_out(people):
    client, copied = people(), people()
    sign_in(client)
    cookie = client.get_cookie("stock-backtest").value
    copied.set_cookie("stock-backtest", cookie)
    before = copied.get("/api/runs").status_code

    client.post("/sign-out", headers=OURS)

    assert (before, copied.get("/api/runs").status_code) == (200, 401)


def test_what_is_asked_carries_state_nonce_and_a_challenge_whose_secret_stays_here(people, issuer):
    client = people()

    sent = parse_qs(urlsplit(asked(client)).query)

    serializer = SecureCookieSessionInterface().get_signing_serializer(client.application)
    kept = serializer.loads(client.get_cookie("stock-backtest-sign-in").value)
    data = kept[f"_state_provider_{sent['state'][0]}"]["data"]
    digest = hashlib.sha256(data["code_verifier"].encode()).digest()
    assert sent["code_challenge"] == [base64.urlsafe_b64encode(digest).decode().rstrip("=")]
    assert (sent["code_challenge_method"], sent["response_type"]) == (["S256"], ["code"])
    assert sent["nonce"] == [data["nonce"]]
    assert sent["redirect_uri"] == [f"{HERE}/sign-in/callback"]
    assert len(sent["state"][0]) >= 20


@pytest.mark.parametrize("change", ["state", "code", "without state", "without code", "error"])
def test_an_answer_that_was_not_asked_for_lets_nobody_in(people, change):
    client = people()
    answer = code_from(asked(client), "alice")
    wrong = {
        "state": answer | {"state": "x"},
        "code": answer | {"code": "x"},
        "without state": {"code": answer["code"]},
        "without code": {"state": answer["state"]},
        "error": {"error": "access_denied", "error_description": "<b>no</b>", "state": answer["state"]},
    }

    refused = client.get("/sign-in/callback", query_string=wrong[change], headers=PAGE)

    assert refused.status_code == 401
    assert "ign-in failed" in refused.text
    assert "<b>" not in refused.text
    assert client.get_cookie("stock-backtest") is None


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(people):
    client, other = people(), people()
    answer = code_from(asked(client), "alice")

    stolen = other.get("/sign-in/callback", query_string=answer, headers=PAGE)
    first = client.get("/sign-in/callback", query_string=answer, headers=PAGE)
    again = client.get("/sign-in/callback", query_string=answer, headers=PAGE)

    assert (stolen.status_code, first.status_code, again.status_code) == (401, 303, 401)


def test_a_code_of_somebody_elses_sign_in_is_refused_by_its_nonce(people):
    client, attacker = people(), people()
    mine, theirs = code_from(asked(client), "alice"), code_from(asked(attacker), "mallory")

    refused = client.get("/sign-in/callback", query_string=mine | {"code": theirs["code"]}, headers=PAGE)

    assert refused.status_code == 401
    assert client.get_cookie("stock-backtest") is None


def test_a_provider_that_calls_itself_something_else_lets_nobody_in(people, issuer):
    client = people(issuer=issuer.replace("127.0.0.1", "localhost"))
    provider = client.application.extensions["stock_backtest_provider"]
    provider._chosen = replace(provider._chosen, issuer="https://accounts.example.com")

    assert sign_in(client).status_code == 401


def test_who_is_not_named_is_told_whom_to_ask(people):
    client = people()

    refused = sign_in(client, "mallory")

    assert refused.status_code == 403
    assert "You are Mallory, and nobody let you in here yet; ask the operator" in refused.text
    assert client.get("/api/runs").status_code == 401


@pytest.mark.parametrize(
    ("changes", "person", "expected"),
    [
        ({"admins": ("alice",)}, ALICE, Scope.ADMIN),
        ({"submitters": ("alice@example.com",)}, ALICE, Scope.SUBMIT),
        ({"submitters": ("alice@example.com",)}, MALLORY, None),
        ({"readers": ("*",)}, MALLORY, Scope.READ),
        ({"role_claim": "groups", "readers": ("staff",), "submitters": ("desk",)}, ALICE, Scope.SUBMIT),
        ({"role_claim": "groups", "admins": ("alice@example.com",)}, ALICE, None),
        ({"role_claim": "groups", "admins": ("desk",)}, MALLORY, None),
        ({"role_claim": "role", "admins": ("boss",)}, {"sub": "x", "role": "boss"}, Scope.ADMIN),
        ({"role_claim": "missing", "admins": ("boss",)}, ALICE, None),
    ],
    ids=["subject", "e-mail", "e-mail not verified", "everybody", "group", "a claim alone counts", "star is no group",
         "one role", "no claim"],
)  # fmt: skip
def test_scopes_follow_from_what_the_provider_says_and_the_settings_name(changes, person, expected):
    assert scope_of(person, replace(SignIn(), **changes)) == expected


def test_a_role_comes_from_the_claim_that_the_settings_name(people):
    client = people(role_claim="groups", submitters=(), readers=("desk",))
    sign_in(client)
    token = field(client.get("/", headers=PAGE).text, "csrf_token")

    refused = client.post("/run_backtest", data=FORM | {"csrf_token": token}, headers=OURS)

    assert refused.status_code == 403
    assert "needs the scope submit, yours is read" in refused.text


@pytest.mark.parametrize("public_url", [HERE, "https://localhost"])
def test_cookies_are_kept_from_scripts_and_other_sites_and_from_http_behind_tls(people, public_url):
    client = people(public_url=public_url)
    base = {"base_url": public_url}
    started = client.get("/sign-in/start", **base)

    answer = client.get("/sign-in/callback", query_string=code_from(started.location, "alice"), **base)

    secure = public_url.startswith("https")
    name = "__Host-stock-backtest" if secure else "stock-backtest"
    cookies = {cookie.split("=")[0]: cookie for cookie in started.headers.getlist("Set-Cookie")
               + answer.headers.getlist("Set-Cookie") if "Max-Age=0" not in cookie}  # fmt: skip
    assert set(cookies) == {name, "stock-backtest-sign-in"}
    for cookie in cookies.values():
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert ("Secure" in cookie) == secure
        assert "Domain=" not in cookie
    assert "Max-Age=43200" in cookies[name]
    assert ("Strict-Transport-Security" in answer.headers) == secure


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
     "javascript:alert(1)", "http:evil.example", "/\tevil", "/\r\nSet-Cookie: x", "runs", "", None, "/%09//x\n"],
)  # fmt: skip
def test_after_signing_in_nobody_is_sent_to_another_site(people, address):
    client = people()

    entered = sign_in(client, back=address or "")

    assert entered.location == "/"


def test_an_address_of_ours_is_kept_with_its_query(app):
    with app.test_request_context():
        assert inside("/runs?q=a b&tag=é") == "/runs?q=a b&tag=é"


def test_a_provider_that_is_away_is_said_to_be(people):
    client = people(issuer="http://127.0.0.1:9")

    answer = client.get("/sign-in/start", headers=PAGE)

    assert answer.status_code == 503
    assert "he identity provider is unreachable" in answer.text


def test_a_run_is_submitted_by_a_program_with_json_of_the_same_session_only_from_our_own_page(people):
    client = people()
    sign_in(client)

    ours = client.post("/run_backtest", json=SMALLEST, headers={"Sec-Fetch-Site": "same-origin"})
    nobody_knows = client.post("/run_backtest", json=SMALLEST)

    assert (ours.status_code, nobody_knows.status_code) == (202, 403)


def test_what_signing_in_needs_is_named_at_once():
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"SIGN_IN": "oidc", "SECRET_KEY": "short", "OIDC_ISSUER": "accounts"})

    problems = "\n".join(caught.value.problems)
    missing = ("PUBLIC_URL is missing", "OIDC_CLIENT_ID is missing", "OIDC_READ, OIDC_SUBMIT or OIDC_ADMIN")
    wrong = ("SECRET_KEY must have", "OIDC_ISSUER must be a URL")
    assert all(name in problems for name in missing + wrong)
    assert "short" not in problems


def test_without_sign_in_the_page_of_it_leads_home(client):
    assert client.get("/sign-in").location == "/"


@pytest.mark.parametrize("mode", ["off", "tokens"])
@pytest.mark.parametrize("path", ["/sign-in/start", "/sign-in/callback?code=x&state=y"])
def test_without_a_provider_its_addresses_are_not_there_and_say_why(filled_database, capsys, mode, path):
    logs.configure(process="web")
    client = create_app(Settings(sign_in=SignIn(mode=mode)), database=filled_database).test_client()

    answer = client.get(path)

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert "not enabled; use a token" in answer.json["detail"]
    assert "Traceback" not in capsys.readouterr().out
