"""Signing in with a real browser at a real provider, and markup that a real browser does not run."""

import re

import pytest
from playwright.sync_api import expect

from qa.harness.environment import app_running
from qa.harness.processes import free_port
from tests.web.oidc_provider import ALICE, KEY, provider

NASTY = (
    "<img src=x onerror=\"document.title='run by markup'\"><script>document.title='run by markup'</script>"
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The product where people sign in at a provider; its address."""
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    with provider(folder, ALICE) as issuer:
        chosen = {
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SIGN_IN": "oidc",
            "SECRET_KEY": KEY,
            "OIDC_ISSUER": issuer,
            "OIDC_CLIENT_ID": "stock-backtest",
            "OIDC_CLIENT_SECRET": "known-to-both",
            "OIDC_ADMIN": "alice@example.com",
        }
        with app_running(folder, **chosen) as address:
            yield address


@pytest.fixture
def visitor(browser, guarded):
    """A page of somebody who is not signed in yet; whatever the browser complains of is kept."""
    context = browser.new_context(base_url=guarded, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(240_000)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    yield page
    context.close()


def sign_in(page):
    page.goto("/runs")
    page.get_by_role("link", name="Sign in at").click()
    page.locator("input[name=sub]").first.fill("alice")
    page.locator("button[type=submit], input[type=submit]").first.click()


def test_a_person_signs_in_at_the_provider_runs_a_backtest_and_signs_out(visitor, guarded):
    sign_in(visitor)

    expect(visitor).to_have_url(re.compile(r"/runs$"))
    expect(visitor.get_by_text("Alice Ang")).to_be_visible()
    visitor.goto("/")
    visitor.get_by_role("button", name="Run backtest").click()
    expect(visitor.locator("dl.kpis")).to_contain_text("Total return")
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    visitor.goto("/runs")

    expect(visitor).to_have_url(re.compile("/sign-in"))
    assert [said for said in visitor.complaints if guarded in said or "Content Security" in said] == []


def test_no_script_reads_the_session(visitor):
    sign_in(visitor)
    expect(visitor.get_by_text("Alice Ang")).to_be_visible()

    assert visitor.evaluate("document.cookie") == ""
    assert {cookie["name"]: (cookie["httpOnly"], cookie["sameSite"]) for cookie in visitor.context.cookies()
            if cookie["name"] == "stock-backtest"} == {"stock-backtest": (True, "Lax")}  # fmt: skip


def test_markup_in_every_free_text_is_shown_and_never_run(visitor):
    sign_in(visitor)
    visitor.goto("/")
    visitor.get_by_role("button", name="Run backtest").click()
    expect(visitor.locator("dl.kpis")).to_contain_text("Total return")
    run = visitor.url
    answer = visitor.evaluate(
        """([run, text]) => fetch(`/api/runs/${run}`, {method: "PATCH", headers: {"Content-Type": "application/json"},
           body: JSON.stringify({name: text, notes: text, tags: [text.slice(0, 40)]})}).then((found) => found.status)""",
        [run.split("/")[-1], NASTY],
    )
    assert answer == 200

    for path in (run, f"{run}?tab=trades", f"{run}?tab=returns", f"{run}/report.html", "/", "/runs",
                 f"/compare?run={run.split('/')[-1]}", f"/runs?q={NASTY}"):  # fmt: skip
        visitor.goto(path)
        visitor.wait_for_load_state("networkidle")
        assert visitor.locator("img[src=x]").count() == 0, path
        assert not visitor.title().startswith("run by markup"), path
