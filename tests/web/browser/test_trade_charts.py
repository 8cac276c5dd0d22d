"""Trades that can be looked at: the price with the rule's lines, a trade on the chart, in words and in the table."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.web.browser.test_flows import EXAMPLE, PHONE

RSI = EXAMPLE | {
    "params": {"period": 2, "oversold": 10, "overbought": 60},
    "start_date": "2014-01-02",
    "stop_loss_pct": 5,
    "slippage_bps": 5,
}
MANY = EXAMPLE | {
    "rule_type": "EXPRESSION",
    "params": {"entry": "close > open", "exit": "close < open"},
    "initial_capital": 1e9,
    "fractional": True,
}


@pytest.fixture(scope="module")
def executed(browser, address):
    """The path of a finished run of a request."""
    paths = {}

    def executed(request):
        key = str(request)
        if key not in paths:
            context = browser.new_context(base_url=address)
            page = context.new_page()
            answer = page.request.post("/run_backtest", data=request)
            assert answer.status == 202, answer.text()
            page.goto(f"/runs/{answer.json()['run_id']}")
            page.wait_for_selector("dl.kpis", timeout=240_000)
            paths[key] = page.url.removeprefix(address)
            context.close()
        return paths[key]

    return executed


def drawn(page):
    """Wait until the price and its trades are there."""
    expect(page.locator("figure.price-chart[data-ready][data-marked]")).to_be_visible()


def test_the_price_is_drawn_with_the_rules_lines_and_the_trades_in_view_are_counted(open_page, executed):
    page = open_page(f"{executed(RSI)}?tab=trades")
    drawn(page)

    expect(page.locator(".price-chart .chart-area")).to_have_attribute("data-panes", "2")
    expect(page.locator(".price-chart .legend").nth(1)).to_contain_text("RSI")
    expect(page.locator(".in-view")).to_contain_text("54 trades in view. One candle is 3 bars.")
    page.get_by_role("button", name="1Y").click()
    expect(page.locator(".in-view")).to_contain_text(re.compile(r"^\d{1,2} trades in view\.$"))


def test_more_trades_than_can_be_told_apart_are_counted_in_a_strip_and_drawn_when_zoomed(open_page, executed):
    page = open_page(f"{executed(MANY)}?tab=trades")
    drawn(page)
    expect(page.locator(".in-view")).to_contain_text(
        re.compile(r"1,\d{3} trades in view: too many to draw each")
    )

    page.get_by_role("button", name="1Y").click()

    expect(page.locator(".in-view")).to_contain_text(re.compile(r"^\d{2} trades in view\."))


def test_a_row_leads_to_the_chart_and_tells_what_was_known_then(open_page, executed):
    page = open_page(f"{executed(RSI)}?tab=trades")
    drawn(page)

    page.get_by_role("link", name="Trade 18", exact=True).click()

    story = page.locator("#trade-panel .trade-story")
    expect(story.locator("h2")).to_be_focused()
    expect(story).to_contain_text("Trade 18 of 54")
    expect(story).to_contain_text("oversold 10")
    expect(story).to_contain_text("Stop loss 5%")
    expect(story).to_contain_text("Why it ended")
    expect(page.locator("#trade-17")).to_have_class("chosen")
    expect(page.locator(".in-view")).to_contain_text(re.compile(r"^\d trades in view\.$"))
    expect(page).to_have_url(re.compile("trade=17"))
    story.get_by_role("link", name="Next").click()
    expect(story).to_contain_text("Trade 19 of 54")
    expect(page.locator("#trade-18")).to_have_class("chosen")


def test_a_trade_on_the_chart_leads_to_its_row(open_page, executed):
    page = open_page(f"{executed(RSI)}?tab=trades&trade=17")
    drawn(page)
    expect(page.locator("#trade-17")).to_have_class("chosen")
    page.keyboard.press("Escape")
    area = page.locator(".price-chart .chart-area")
    area.focus()

    page.keyboard.press("End")
    for _ in range(200):
        if page.locator("tr.chosen:not(#trade-17)").count():
            break
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        page.wait_for_timeout(20)

    expect(page.locator("tr.chosen")).to_have_count(1)
    expect(page.locator("#trade-panel h2")).to_contain_text("Trade")


def test_a_trade_that_is_on_another_page_of_the_table_brings_that_page(open_page, executed):
    page = open_page(f"{executed(MANY)}?tab=trades&trade=250")
    drawn(page)

    expect(page.locator("#trade-250")).to_have_class("chosen")
    expect(page.locator("#trades .pager")).to_contain_text("Page 3 of")


def test_the_wheel_scrolls_the_page_and_zooms_with_ctrl(open_page, executed):
    page = open_page(f"{executed(RSI)}?tab=trades")
    drawn(page)
    box = page.locator(".price-chart .chart-area").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 150)

    page.mouse.wheel(0, 200)
    page.wait_for_function("() => scrollY > 100")
    expect(page.locator(".in-view")).to_contain_text("54 trades in view")
    expect(page.get_by_role("button", name="Max", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.down("Control")
    for _ in range(12):
        page.mouse.wheel(0, -200)
    page.keyboard.up("Control")

    expect(page.locator(".in-view")).to_contain_text(re.compile(r"^\d{1,2} trades? in view\.$"))
    expect(page.get_by_role("button", name="Max", exact=True)).to_have_attribute("aria-pressed", "false")


def test_ten_symbols_show_profit_weights_and_correlation(open_page, executed):
    path = executed(RSI | {"symbols": ["SP500", "NASDAQ"]})
    page = open_page(f"{path}?tab=trades")
    drawn(page)

    page.get_by_role("navigation", name="Price of").get_by_role("link", name="NASDAQ").click()
    drawn(page)
    expect(page.locator(".price-chart h2")).to_contain_text("NASDAQ")
    page.locator("[data-part]").scroll_into_view_if_needed()
    expect(page.locator("#symbols")).to_contain_text("NASDAQ")
    expect(page.locator("#symbols .shape path")).to_have_count(2)
    expect(page.get_by_role("heading", name="Correlation of returns")).to_be_visible()


def test_without_scripts_each_trade_and_symbol_has_a_page(open_page, executed):
    path = executed(RSI | {"symbols": ["SP500", "NASDAQ"]})
    page = open_page(f"{path}?tab=trades", java_script_enabled=False)

    expect(page.locator(".price-chart .chart-area")).to_be_hidden()
    page.get_by_role("link", name="Trade 2", exact=True).click()
    expect(page.get_by_role("heading", name="Trade 2 of")).to_be_visible()
    page.get_by_role("link", name="Row in the table").click()
    expect(page.locator("#trade-1")).to_be_visible()
    page.get_by_role("link", name="Profit, weights and correlation by symbol").click()
    expect(page.locator("#symbols")).to_contain_text("NASDAQ")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_trade_beside_its_chart_has_no_barriers(open_page, executed, theme):
    page = open_page(f"{executed(RSI)}?tab=trades&trade=17", color_scheme=theme)
    drawn(page)
    expect(page.locator("#trade-panel .trade-story")).to_be_visible()

    found = Axe().run(page).response["violations"]

    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], fault["nodes"][0]["html"][:150]) for fault in grave] == []


def test_nothing_of_a_trade_scrolls_the_page_sideways_on_a_phone(open_page, executed):
    page = open_page(f"{executed(RSI)}?tab=trades&trade=17", **PHONE)
    drawn(page)
    expect(page.locator("#trade-panel .trade-story")).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
