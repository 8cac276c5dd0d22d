"""A real Chromium, once for all tests of this folder, on the real product, once for each module."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from qa.browser import chromium
from qa.harness.environment import app_running

_LAST_RESORT_MS = 240_000
"""A run shares its processors with the other tests, and with whatever else the machine does."""
expect.set_options(timeout=_LAST_RESORT_MS)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the product listens: one for each module, whose tests see no run and no price of another's."""
    with app_running(tmp_path_factory.mktemp("product")) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a page of the product in a context of its own; any complaint of the browser fails the test."""
    contexts, complaints = [], []

    def open_page(path: str = "/", *, strict: bool = True, **options: object) -> Page:
        context = browser.new_context(
            base_url=address, **({"viewport": {"width": 1280, "height": 900}} | options)
        )
        context.set_default_timeout(_LAST_RESORT_MS)
        contexts.append(context)
        page = context.new_page()
        if strict:
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def result(browser: Browser, address: str) -> str:
    """The path of a finished run of the example."""
    context = browser.new_context(base_url=address)
    context.set_default_timeout(_LAST_RESORT_MS)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("button", name="Run backtest").click()
    page.wait_for_selector("dl.kpis")
    path = page.url.removeprefix(address)
    context.close()
    return path


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """A CSV of prices."""
    path = tmp_path / "acme.csv"
    rows = [f"2024-01-{day:02d},10,11,9,10.5,100" for day in range(2, 13) if day not in (6, 7)]
    path.write_text("Date,Open,High,Low,Close,Volume\n" + "\n".join(rows))
    return path
