"""From room to room of a result: without loading the page again, by links that can be kept."""

import re

import pytest
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def room(page, name):
    """The link to a room."""
    return page.get_by_role("navigation", name="Result").get_by_role("link", name=name)


def test_rooms_change_without_loading_the_page_again_and_the_way_back_leads_through_them(open_page, result):
    page = open_page(result)
    page.evaluate("window.loadedOnce = true")

    for name in ("Trades", "Returns", "Risk"):
        room(page, name).click()
        expect(page).to_have_url(re.compile(rf"\?tab={name.lower()}$"))
        expect(page.locator("figure.chart[data-ready] canvas").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Monthly returns")).to_be_visible()
    expect(room(page, "Returns")).to_have_attribute("aria-current", "page")
    page.go_back()

    expect(page.get_by_role("heading", name="By side and exit reason")).to_be_visible()
    assert page.evaluate("window.loadedOnce") is True


def test_a_link_to_a_room_opens_it_again(open_page, result):
    page = open_page(result)
    room(page, "Risk").click()
    expect(page.get_by_role("heading", name="Worst drawdowns")).to_be_visible()

    page.reload()

    expect(page.get_by_role("heading", name="Worst drawdowns")).to_be_visible()
    expect(room(page, "Risk")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_phone_shows_the_room_that_was_touched_and_keeps_the_rooms_in_sight(open_page, result, scripts):
    page = open_page(result, java_script_enabled=scripts, **PHONE)

    room(page, "Trades").tap()
    expect(room(page, "Trades")).to_have_attribute("aria-current", "page")

    expect(page.locator("#panel section").first).to_be_in_viewport(ratio=0.5)
    expect(room(page, "Trades")).to_be_in_viewport(ratio=0.9)


def test_a_room_that_is_in_sight_changes_where_it_stands(open_page, result):
    page = open_page(result, viewport={"width": 1280, "height": 1100})  # the panel begins in the upper half
    before = page.evaluate("scrollY")

    room(page, "Returns").click()
    expect(page.get_by_role("heading", name="Monthly returns")).to_be_visible()

    assert page.evaluate("scrollY") == before


def test_a_room_is_chosen_by_keyboard_and_said_to_a_screen_reader(open_page, result):
    page = open_page(result)
    room(page, "Trades").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Trades shown")).to_have_role("status")
    expect(room(page, "Trades")).to_be_focused()


def test_a_room_that_cannot_be_fetched_is_loaded_as_a_page(open_page, result):
    page = open_page(result, strict=False)
    page.route("**/*part=panel*", lambda route: route.abort())

    room(page, "Risk").click()

    expect(page.get_by_role("heading", name="Worst drawdowns")).to_be_visible()
    expect(page).to_have_url(re.compile("tab=risk#rooms$"))
