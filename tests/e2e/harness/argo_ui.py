"""The Argo UI in a real browser, signed in as a person is: with a token of the account `argo-user`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import APIResponse, BrowserContext, Locator, Page, Route, expect

from qa import screenshots
from qa.browser import chromium
from tests.e2e.harness.cluster import Cluster, Tunnel
from tests.e2e.harness.installation import ARGO, NAMESPACE
from tests.e2e.harness.product import Product
from workflows.templates.shown import PUBLIC_ADDRESS

ARGO_ADDRESS = "https://localhost:2746"
"""ARGO_UI_URL of the local overlay."""
_LAST_RESORT_MS = 240_000
expect.set_options(timeout=_LAST_RESORT_MS)
_DISMISSED = (
    "localStorage.setItem('modal/ftu', '\"dismissed\"'); localStorage.setItem('modal/version', '\"v4.1\"')"
)
"""What the UI stores once a person has closed its two greetings."""


class ArgoUi:
    """Pages of the Argo UI, and of the product where a link leads to it."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context

    def sign_in(self, token: str) -> None:
        """Paste a token as the guide says."""
        page = self.open("/login")
        page.locator("#token").fill(f"Bearer {token}")
        page.locator(".login__token-section").get_by_text("Login").click()
        page.wait_for_url("**/workflows**")
        page.close()

    def open(self, path: str) -> Page:
        """A page in a tab of its own."""
        page = self._context.new_page()
        page.goto(path)
        return page

    def asked(self, path: str, *, token: str) -> APIResponse:
        """An answer of Argo Server to the bearer of a token."""
        return self._context.request.get(path, headers={"Authorization": f"Bearer {token}", "Cookie": ""})

    def form(self, template: str) -> Page:
        """The form that submits from a template."""
        page = self.open(f"/workflow-templates/{NAMESPACE}/{template}?sidePanel=submit")
        expect(page.get_by_text("Submit Workflow")).to_be_visible()
        return page

    def opened_by(self, clicked: Locator) -> Page:
        """The tab that a click opens."""
        with self._context.expect_page() as opened:
            clicked.click()
        return opened.value


@contextmanager
def signed_in(cluster: Cluster, product: Product) -> Iterator[ArgoUi]:
    """The UI for the block; the addresses that the manifests name lead to forwarded ports."""
    server = Tunnel("-n", ARGO, "port-forward", "service/argo-server", ":2746")
    address = server.address.replace("http:", "https:")

    def to_the_web(route: Route) -> None:
        route.continue_(url=route.request.url.replace(f"http:{PUBLIC_ADDRESS}", product.address))

    try:
        with chromium() as browser:
            context = browser.new_context(
                base_url=address, ignore_https_errors=True, viewport={"width": 1440, "height": 900}
            )
            context.set_default_timeout(_LAST_RESORT_MS)
            context.add_init_script(_DISMISSED)
            context.route(f"http:{PUBLIC_ADDRESS}/**", to_the_web)
            ui = ArgoUi(context)
            ui.sign_in(cluster.token("argo-user"))
            yield ui
            context.close()
    finally:
        server.close()


def field(page: Page, name: str) -> Locator:
    """The text of an argument in a form."""
    return page.locator(f"xpath=//label[normalize-space()='{name}']/..//textarea")


def send(page: Page, button: str) -> str:
    """Press the button at the end of a form; the name of the workflow that is then shown."""
    before = page.url
    page.locator(".white-box").get_by_role("button", name=button).click()
    page.wait_for_url(lambda url: url != before and re.search(r"/workflows/[^/]+/[^/?]+", url) is not None)
    found = re.search(r"/workflows/[^/]+/([^/?]+)", page.url)
    assert found is not None
    return found[1]


def picture(page: Page, name: str) -> None:
    """Keep a picture for docs/screenshots.md, where the report is written, too."""
    if os.environ.get("E2E_REPORT"):
        page.wait_for_timeout(1_000)  # panels of the UI slide in
        screenshots.keep(page.screenshot(), f"argo-{name}", "desktop", "light")
