"""What people do, in a real browser."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

TABS = ("Overview", "Trades", "Returns", "Risk", "Settings")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}

EXAMPLE = {
    "symbols": ["SP500"],
    "rule_type": "RSI",
    "start_date": "1999-01-04",
    "end_date": "2018-12-31",
}


def keep_the_worker_busy(page, runs):
    """Put runs into the queue, so that the next one is seen waiting; their addresses."""
    answers = [page.request.post("/run_backtest", data=EXAMPLE) for _ in range(runs)]
    assert {answer.status for answer in answers} == {202}
    return [answer.json()["links"]["self"] for answer in answers]


def empty_the_queue(page, addresses):
    """Cancel those of these runs that have not ended, so that no later run waits for them."""
    for address in addresses:
        page.request.post(f"{address.removeprefix('/api')}/cancel")


def test_the_prefilled_form_runs_and_shows_its_result(open_page):
    page = open_page()

    expect(page.get_by_text("2,516 bars, 2009-01-02 to 2018-12-31")).to_be_visible()
    page.get_by_role("button", name="Run backtest").click()

    expect(page.locator("dl.kpis")).to_contain_text("Total return")
    expect(page.locator("figure.chart[data-ready]")).to_have_count(1)


def test_each_tab_draws_its_charts_and_keeps_the_figures_on_top(open_page, result):
    page = open_page(result)

    for name in TABS:
        page.get_by_role("navigation", name="Result").get_by_role("link", name=name).click()
        expect(page.locator("nav.tabs [aria-current]")).to_have_text(name)
        expect(page.locator("dl.kpis .kpi")).to_have_count(6)
        if name != "Settings":
            expect(page.locator("figure.chart[data-ready] canvas").first).to_be_visible()


def test_charts_zoom_by_button_switch_scale_and_tell_values_under_the_pointer(open_page, result):
    page = open_page(f"{result}?tab=returns")
    expect(page.locator("figure.chart[data-ready]")).to_be_visible()
    before = page.locator(".chart-head .when").text_content()

    page.get_by_role("button", name="1Y").click()
    page.get_by_role("button", name="Log").click()
    box = page.locator(".chart-area").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)

    expect(page.get_by_role("button", name="Log")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".chart-head .when")).to_have_text(re.compile("^2018-"))
    assert page.locator(".chart-head .when").text_content() != before


def test_a_long_curve_is_fetched_in_detail_when_zoomed_and_whole_again_for_all_of_it(open_page):
    page = open_page("/?start_date=1999-01-04")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("figure.chart[data-ready]")).to_be_visible()

    with page.expect_request(re.compile(r"/curves\?.*from=")):
        page.get_by_role("button", name="1Y").click()
    with page.expect_request(lambda request: "/curves?" in request.url and "from=" not in request.url):
        page.get_by_role("button", name="Max", exact=True).click()

    expect(page.get_by_role("button", name="Max", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_metric_opens_to_its_formula_and_nothing_moves(open_page, result):
    page = open_page(result)
    places = "[...document.querySelectorAll('tr')].map((row) => row.getBoundingClientRect().y + scrollY)"
    before = page.evaluate(places)

    page.get_by_role("button", name="Sharpe ratio", exact=True).click()

    expect(page.get_by_role("dialog", name="Sharpe ratio", exact=True)).to_contain_text("P = 252")
    expect(page.get_by_role("dialog", name="Sharpe ratio", exact=True)).to_contain_text("In other tools")
    assert page.evaluate(places) == before
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_changing_the_rule_changes_its_fields_and_keeps_the_rest(open_page):
    page = open_page()
    page.get_by_label("Initial capital").fill("50000")
    page.get_by_role("textbox", name="Fast average bars").fill("12")

    page.locator("#f-rule_type").select_option("RSI")
    expect(page.get_by_label("Oversold", exact=True)).to_have_value("30")
    page.locator("#f-rule_type").select_option("MOVING_AVERAGE_CROSS")

    expect(page.get_by_role("textbox", name="Fast average bars")).to_have_value("12")
    expect(page.get_by_label("Initial capital")).to_have_value("50000")


def test_a_mistake_is_shown_at_its_field_before_submitting(open_page):
    page = open_page()

    page.get_by_role("textbox", name="Fast average bars").fill("90")

    expect(page.locator("#f-params-fast-error")).to_contain_text("must be smaller than slow (30), got 90")
    expect(page.get_by_role("textbox", name="Fast average bars")).to_have_attribute("aria-invalid", "true")


def test_a_wrong_formula_is_shown_with_a_caret_where_it_is_wrong(open_page):
    page = open_page()
    page.locator("#f-rule_type").select_option("EXPRESSION")

    page.locator("#f-params-entry").fill("close > smaa(close, 5)")

    expect(page.locator("#f-params-entry-error")).to_contain_text("column 9")
    expect(page.locator("#f-params-entry-error")).to_contain_text("^")


def test_what_a_folded_group_holds_is_told_beside_its_name(open_page):
    page = open_page()
    page.get_by_text("Stops and targets").click()

    page.get_by_role("textbox", name="Stop-loss %").fill("5")
    page.get_by_text("Sizing and fills").click()
    page.get_by_label("Direction").select_option("long_short")

    expect(page.locator("summary .own")).to_have_text(["Long and short", "Stop-loss 5%"])


def test_a_run_of_a_rule_without_trades_is_explained(open_page):
    page = open_page("/?initial_capital=100")

    page.get_by_role("button", name="Run backtest").click()

    expect(page.get_by_role("heading", name="Why there are no trades")).to_be_visible()
    expect(page.get_by_text("Rejected: less than one share")).to_be_visible()


def test_a_run_is_verified_and_duplicated(open_page, result):
    page = open_page(result)

    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("Identical: a second execution")).to_be_visible()
    page.get_by_role("link", name="Back to the result").click()
    page.get_by_role("link", name="Edit & rerun").click()

    expect(page.get_by_label("Symbols")).to_have_value("SP500")
    expect(page.get_by_role("textbox", name="Slow average bars")).to_have_value("30")


def test_a_preset_is_saved_loaded_and_deleted(open_page):
    page = open_page("/?params.fast=21&params.slow=84")
    page.get_by_label("Preset name").fill("Slow pair")
    page.get_by_role("button", name="Save", exact=True).click()

    page.goto("/")
    page.get_by_role("link", name="Slow pair").click()
    expect(page.get_by_role("textbox", name="Slow average bars")).to_have_value("84")
    page.get_by_role("button", name="Delete preset Slow pair").click()

    expect(page.get_by_role("link", name="Slow pair")).to_have_count(0)


def test_two_runs_are_chosen_and_compared(open_page, result):
    page = open_page("/?params.fast=20&params.slow=60")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("dl.kpis")).to_be_visible()

    page.goto("/runs")
    for box in page.get_by_role("checkbox", name="Compare").all()[:2]:
        box.check()
    page.get_by_role("button", name="Compare selected").click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    page.get_by_role("link", name="Differences only").click()

    expect(page.get_by_role("link", name="Show all rows")).to_be_visible()


def test_no_more_than_ten_runs_can_be_chosen_for_a_comparison(open_page, result):
    page = open_page("/runs")
    for address in keep_the_worker_busy(page, 11):  # two at once: the last one may end before another
        while page.request.get(address).json()["status"] != "SUCCEEDED":
            page.wait_for_timeout(50)
    page.goto("/runs?status=SUCCEEDED&rule_type=RSI")
    expect(page.get_by_role("button", name="Compare selected")).to_be_disabled()

    boxes = page.get_by_role("checkbox", name="Compare")
    for box in boxes.all()[:10]:
        box.check()

    expect(page.get_by_text("10 of at most 10 selected")).to_be_visible()
    expect(boxes.nth(10)).to_be_disabled()


def test_a_run_is_deleted_only_after_a_second_press(open_page):
    page = open_page("/?params.fast=3&params.slow=9")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("dl.kpis")).to_be_visible()
    address = page.url

    page.get_by_role("link", name="Settings").click()
    page.get_by_text("Delete run").click()
    page.get_by_role("button", name="Delete permanently").click()

    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    assert page.request.get(address, headers={"Accept": "text/html"}).status == 404


def test_a_note_a_tag_and_a_star_are_kept(open_page, result):
    page = open_page(result)
    page.get_by_text("Rename, notes, tags").click()
    page.get_by_label("Tags, separated by commas").fill("keeper, ten years")
    page.get_by_role("textbox", name="Notes").fill("Looks too good.")
    page.get_by_role("button", name="Star", exact=True).click()

    expect(page.get_by_role("link", name="keeper")).to_be_visible()
    expect(page.locator(".page-head .notes")).to_have_text("Looks too good.")
    expect(page.get_by_label("Starred")).to_be_visible()


def test_trades_are_sorted_filtered_and_taken_along(open_page, result):
    page = open_page(f"{result}?tab=trades")

    page.get_by_role("link", name="Profit").click()
    expect(page.locator('th[aria-sort="descending"]')).to_contain_text("Profit")
    page.get_by_label("Outcome").select_option("lost")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("table.folding tbody .gain")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()

    assert download.value.suggested_filename.startswith("trades-")


def test_a_waiting_run_is_cancelled_from_its_page(open_page):
    page = open_page("/")
    waiting = keep_the_worker_busy(page, 40)
    page.get_by_role("button", name="Run backtest").click()

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Cancelled on request.")).to_be_visible()
    empty_the_queue(page, waiting)


def test_a_lost_connection_is_told_and_the_page_goes_on_when_it_is_back(open_page):
    page = open_page("/", strict=False)
    waiting = keep_the_worker_busy(page, 20)
    page.route("**/api/runs/*", lambda route: route.abort())
    page.get_by_role("button", name="Run backtest").click()
    expect(page.get_by_text("Server unreachable.")).to_be_visible()

    page.unroute("**/api/runs/*")
    empty_the_queue(page, waiting)

    expect(page.locator("dl.kpis")).to_be_visible()


def test_the_form_works_by_keyboard_alone(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(60):
        if page.evaluate("document.activeElement.textContent.trim()") == "Run backtest":
            break
        page.keyboard.press("Tab")

    page.keyboard.press("Enter")

    expect(page.locator("dl.kpis")).to_be_visible()


def test_everything_needed_works_without_scripts(open_page):
    page = open_page("/", java_script_enabled=False)
    page.locator("#f-rule_type").select_option("RSI")
    page.get_by_role("button", name="Show parameters").click()
    page.get_by_label("Oversold", exact=True).fill("35")

    page.get_by_role("button", name="Run backtest").click()

    expect(page.locator("dl.kpis")).to_be_visible()
    expect(page.get_by_text("oversold 35")).to_be_visible()
    page.wait_for_load_state("load")
    for tab, pictures in zip(TABS, (1, 1, 1, 1, 0), strict=True):
        page.get_by_role("navigation", name="Result").get_by_role("link", name=tab).click()
        expect(page.locator("nav.tabs [aria-current]")).to_have_text(tab)  # the page before has pictures, too
        expect(page.locator("figure img")).to_have_count(pictures)
        # a picture that the page still draws occupies the slot of a second one
        page.wait_for_load_state("load")
        for picture in page.locator("figure img").all():
            address = picture.get_attribute("src")
            assert page.request.get(address).headers["content-type"] == "image/png"


def test_a_run_is_watched_by_refreshing_where_there_are_no_scripts(open_page):
    page = open_page("/", java_script_enabled=False)
    waiting = keep_the_worker_busy(page, 40)

    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("main noscript p")).to_be_visible()
    empty_the_queue(page, waiting)

    expect(page.locator("dl.kpis")).to_be_visible()


def test_the_theme_is_switched_and_remembered(open_page, result):
    page = open_page(result, color_scheme="light")

    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 23)"


def test_an_admin_follows_a_change_from_the_audit_trail_to_its_run_and_filters(open_page, result):
    page = open_page("/runs")
    page.request.patch(f"/api/runs/{result.split('/')[-1]}", data={"notes": "looked at from the audit trail"})

    page.get_by_role("link", name="Audit").click()
    entry = page.get_by_role("row", name="looked at from the audit trail")
    expect(entry).to_contain_text("run.annotate")
    page.get_by_label("Action").select_option("token.revoke")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No entries match")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    entry.get_by_role("link", name=result.split("/")[-1][:8]).click()

    expect(page).to_have_url(re.compile(result))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "{result}",
        "{result}?tab=trades",
        "{result}?tab=returns",
        "{result}?tab=risk",
        "{result}?tab=settings",
        "{result}/report.html",
        "/compare?run={run_id}",
        "/runs",
        "/datasets",
        "/docs",
        "/docs/metrics",
        "/docs/rules",
        "{result}/trades/3",
        "/audit",
    ],
)
def test_nothing_is_wider_than_a_phone(open_page, result, path):
    page = open_page(path.format(result=result, run_id=result.split("/")[-1]), **PHONE)

    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_accessibility_fault(open_page, result, scheme):
    paths = ["/", "/runs", "/datasets", "/docs", f"/compare?run={result.split('/')[-1]}", "/runs/nothing"]
    paths += ["/audit", "/audit?client=nobody", "/docs/metrics", "/docs/rules"]
    paths += [f"{result}?tab={tab.lower()}" for tab in TABS]
    paths += ["/?rule_type=EXPRESSION", f"{result}/report.html"]
    page = open_page("/", strict=False, color_scheme=scheme)
    page.request.patch(f"/api/runs/{result.split('/')[-1]}", data={"name": f"Named in {scheme}"})

    faults = []
    for path in paths:
        page.goto(path)
        found = Axe().run(page).response["violations"]
        faults += [
            (path, fault["id"], fault["nodes"][0]["html"][:160], fault["nodes"][0]["any"][:1])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]

    assert faults == []
