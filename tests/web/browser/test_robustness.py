"""What of a result survives, in a browser: it appears by itself, on a phone, in the dark and without a script."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


def room(page):
    return page.get_by_role("navigation", name="Result").get_by_role("link", name="Robustness")


def test_the_room_fills_by_itself_as_soon_as_the_worker_has_computed_it(open_page, result):
    page = open_page(result)

    room(page).click()

    expect(page.locator("#survives")).to_have_text(re.compile("The gain survives .+"))
    expect(page.get_by_role("heading", name="Luck")).to_be_visible()
    page.get_by_role("button", name="Compute again").click()
    expect(page).to_have_url(re.compile("#rooms$"))
    expect(page.locator("[data-robustness][data-awaited='false'] #survives")).to_be_visible()


def test_it_is_read_and_asked_for_without_a_script(open_page, result):
    page = open_page(f"{result}?tab=robustness", java_script_enabled=False)

    page.get_by_role("button", name="Compute again").click()

    expect(page).to_have_url(re.compile("#rooms$"))
    expect(page.locator("[data-awaited='false'] #survives")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("5×"))).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_has_no_barriers(open_page, result, theme):
    page = open_page(f"{result}?tab=robustness", color_scheme=theme, viewport={"width": 390, "height": 844})
    expect(page.locator("#survives")).to_be_visible()

    found = Axe().run(page).response["violations"]

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], fault["nodes"][0]["html"][:150]) for fault in grave] == []


def test_the_overview_leads_to_everything_that_was_tried(open_page, result):
    page = open_page(result)

    page.locator("#tried").get_by_role("link").click()

    expect(page.get_by_role("heading", name=re.compile("SP500 · Moving average cross"))).to_be_visible()
    page.get_by_role("link", name=re.compile("^Run ")).click()
    expect(page).to_have_url(re.compile(f"{result}$"))
