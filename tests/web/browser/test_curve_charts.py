"""Curves that answer: ranges that count from their left edge, values near the pointer, keyboard, windows, words."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

AREA = "figure.chart[data-ready] .chart-area"


def drawn(page):
    """The area of the first chart, once it is drawn."""
    area = page.locator(AREA).first
    expect(area).to_be_visible()
    area.scroll_into_view_if_needed()
    return area


def test_a_range_counts_from_its_left_edge_and_says_the_return_since(open_page, result):
    page = open_page(f"{result}?tab=returns")
    drawn(page)
    legend = page.locator(".legend").first
    expect(legend).to_contain_text("Hold SP500")

    page.get_by_role("button", name="1Y").click()

    expect(page.get_by_role("button", name="Percent since the left edge")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator(".when").first).to_contain_text(re.compile(r"^2018-0\d-\d\d – 2018-12-31$"))
    expect(legend).to_contain_text(re.compile(r"Equity [\d,]+ [+−][\d.]+%"))
    page.get_by_role("button", name="Max", exact=True).click()
    expect(page.get_by_role("button", name="Linear")).to_have_attribute("aria-pressed", "true")


def test_a_view_that_was_zoomed_is_no_longer_that_of_a_button(open_page, result):
    page = open_page(result)
    drawn(page)

    page.get_by_role("button", name="Zoom in").click()

    expect(page.get_by_role("button", name="Max", exact=True)).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".when").first).to_contain_text("–")


def test_the_wheel_scrolls_the_page_over_a_chart(open_page, result):
    page = open_page(result)
    box = drawn(page).bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    before = page.evaluate("scrollY")

    page.mouse.wheel(0, 300)

    page.wait_for_function("least => scrollY > least", arg=before + 100)
    expect(page.get_by_role("button", name="Max", exact=True)).to_have_attribute("aria-pressed", "true")


def test_values_stand_near_the_pointer(open_page, result):
    page = open_page(result)
    box = drawn(page).bounding_box()

    page.mouse.move(box["x"] + 300, box["y"] + 120)

    hover = page.locator(".hover-box").first
    expect(hover).to_contain_text("Hold SP500")
    found = hover.bounding_box()
    assert abs(found["x"] - (box["x"] + 316)) < 2
    assert abs(found["y"] - (box["y"] + 132)) < 2
    page.mouse.move(box["x"] + box["width"] - 120, box["y"] + 120)
    expect(hover).to_be_visible()
    assert hover.bounding_box()["x"] + hover.bounding_box()["width"] < box["x"] + box["width"] - 120


def test_the_keyboard_reads_a_chart_bar_by_bar(open_page, result):
    page = open_page(result)
    area = drawn(page)

    area.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")

    told = page.locator("figure.chart [role=status]").first
    expect(told).to_have_text(re.compile(r"^2009-01-\d\d: .*Equity [\d,]+, Hold SP500 [\d,]+"))
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Max", exact=True)).to_have_attribute("aria-pressed", "false")


def test_a_chart_says_in_words_from_where_to_where_and_the_worst_drawdown(open_page, result):
    page = open_page(result)

    words = drawn(page).get_attribute("aria-label")

    assert re.search(
        r"Equity goes from 100,000\.00 on 2009-01-02 to [\d,.]+ on 2018-12-31, [+−][\d.]+%; Hold SP500: \+[\d.]+%\. "
        r"Worst drawdown −[\d.]+%, from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d, (not recovered|recovered on \d{4}-\d\d-\d\d)\.",
        words,
    ), words


def test_the_window_of_rolling_metrics_is_chosen(open_page, result):
    page = open_page(f"{result}?tab=risk")
    expect(page.locator("#rolling[data-ready]")).to_be_visible()

    with page.expect_request(re.compile(r"/rolling\?.*window=252")):
        page.get_by_role("combobox", name="Window").select_option("252")

    expect(page.locator("#rolling .legend")).to_have_count(4)
    expect(page.locator("section[aria-labelledby=crises-title]")).to_contain_text("Fourth quarter of 2018")


def test_paper_gets_a_picture_of_each_chart_that_fits_it(open_page, result):
    page = open_page(result)
    drawn(page)

    page.set_viewport_size({"width": 700, "height": 900})
    page.emulate_media(media="print")
    page.evaluate("() => { dispatchEvent(new Event('beforeprint')); }")

    picture = page.locator(".chart-area > .printed")
    expect(picture).to_be_visible()
    assert picture.bounding_box()["width"] <= 700
    expect(page.locator(".chart-area canvas").first).to_be_hidden()
    expect(page.locator(".chart-area .legend").first).to_contain_text("Hold SP500")
    page.evaluate("() => { dispatchEvent(new Event('afterprint')); }")
    expect(picture).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_rooms_with_curves_have_no_barriers(open_page, result, theme):
    page = open_page(f"{result}?tab=risk", color_scheme=theme)
    drawn(page)

    found = Axe().run(page).response["violations"]

    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], fault["nodes"][0]["html"][:150]) for fault in grave] == []


@pytest.mark.parametrize("room", ["overview", "trades", "returns", "risk"])
def test_what_a_chart_shows_first_is_fetched_once_and_before_its_scripts_run(open_page, result, room):
    page = open_page("about:blank")
    fetched = []
    page.on("request", lambda request: fetched.append(request.url.partition("/api/")[2].partition("/")[2]))
    page.goto(f"{result}?tab={room}", wait_until="networkidle")
    charts = page.locator("figure.chart")
    expect(page.locator("figure.chart[data-ready]")).to_have_count(charts.count())
    asked = [address for address in fetched if "/" in address and "markers" not in address]
    preloaded = [
        link.partition("/api/")[2].partition("/")[2]
        for link in page.eval_on_selector_all("figure link[rel=preload]", "all => all.map(one => one.href)")
    ]
    assert len(preloaded) == charts.count() > 0
    assert sorted(asked) == sorted(preloaded), "each chart's data once, by its preload alone"
