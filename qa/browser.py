"""The browser that tests, screenshots and page benchmarks share: Debian's Chromium without a window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from qa import packages

_SWITCHES = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the block; Chromium is installed where it is missing and we may."""
    program = packages.find_or_install(
        "chromium", "chromium-browser", "google-chrome", packages=("chromium", "fonts-liberation")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_SWITCHES), timeout=120_000)
        yield browser
        browser.close()
