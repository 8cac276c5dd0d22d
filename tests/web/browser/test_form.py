"""The submit form, used by people in a real browser."""

import re

from playwright.sync_api import expect


def test_fractions_are_typed_and_shown_in_percent_and_sent_as_fractions(open_page):
    page = open_page()

    expect(page.get_by_label("Fee % ")).to_have_value("0.1")
    page.get_by_label("Fee % ").fill("0.25")
    page.get_by_role("button", name="Run backtest").click()

    page.wait_for_url(re.compile("/runs/"))
    run_id = page.url.split("/")[-1]
    assert page.request.get(f"/api/runs/{run_id}").json()["fee_rate"] == 0.0025


def test_what_was_typed_is_there_again_after_leaving_until_it_is_discarded(open_page):
    page = open_page()
    page.locator("#f-rule_type").select_option("RSI")
    page.get_by_label("Oversold", exact=True).fill("22")
    page.get_by_label("Initial capital").fill("5000")

    page.goto("/docs")
    page.goto("/")

    expect(page.get_by_label("Oversold", exact=True)).to_have_value("22")
    expect(page.get_by_label("Initial capital")).to_have_value("5000")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("textbox", name="Fast average bars")).to_have_value("10")
    expect(page.get_by_text("Your unsent changes are back.")).to_be_hidden()


def test_a_link_that_fills_the_form_comes_before_a_draft(open_page):
    page = open_page()
    page.get_by_role("textbox", name="Fast average bars").fill("12")

    page.goto("/?params.fast=15")

    expect(page.get_by_role("textbox", name="Fast average bars")).to_have_value("15")


def test_a_formula_says_while_it_is_typed_on_how_many_bars_it_is_true_by_clause(open_page):
    page = open_page("/?rule_type=EXPRESSION&symbols=SP500&start_date=2009-01-02&end_date=2018-12-31")
    request = {"symbols": ["SP500"], "rule_type": "EXPRESSION", "start_date": "2009-01-02", "end_date": "2018-12-31",
               "params": {"entry": "close > sma(close, 200) and rsi(close, 2) < 10"}}  # fmt: skip
    (entry,) = page.request.post("/api/preview", data=request).json()["formulas"]
    below = page.locator("#f-params-entry-preview")

    page.get_by_label("Long entry").press_sequentially("close > sma(close, 200) and rsi(close, 2) < 10")

    expect(below).to_contain_text(f"True on {entry['true_on']:,} of 2,516 bars of SP500")
    counts = [f"{clause['text']}{clause['true_on']:,}" for clause in entry["clauses"]]
    expect(below.locator("li")).to_have_text(
        [re.compile("^" + re.escape(count) + r" \(\d+\.\d%\)$") for count in counts]
    )
    ticks = below.locator("path.ticks").get_attribute("d").count("M")
    assert ticks == sum(count > 0 for count in entry["ticks"])

    page.get_by_label("Long exit").press_sequentially("close < 0")
    expect(page.locator("#f-params-exit-preview")).to_contain_text("True on 0 of 2,516 bars of SP500 (0.0%)")

    page.get_by_label("Long exit").press_sequentially(" and")
    expect(page.locator("#f-params-exit-error")).to_contain_text("ends where a name")
    expect(page.locator("#f-params-exit-preview")).to_have_attribute("data-outdated", "")


def test_a_formula_that_was_not_typed_yet_is_missing_and_no_mistake(open_page):
    page = open_page("/?params.fast=10")

    page.locator("#f-rule_type").select_option("EXPRESSION")

    expect(page.locator("#plan")).to_have_text("Still to fill in: Long entry")
    expect(page.locator("#f-params-entry-error")).to_be_hidden()
    page.get_by_label("Long entry").fill("close")
    expect(page.locator("#f-params-entry-error")).to_contain_text("a rule requires a condition")
    page.get_by_label("Long entry").fill("")
    expect(page.locator("#f-params-entry-error")).to_contain_text("is required")
    expect(page.locator("#plan")).to_have_text("1 field to fix")


def test_the_time_left_of_a_run_never_rises(open_page, result):
    steps = [("loading", 0.0, 60), ("aligning", 0.0, 61), ("simulating", 0.5, 63), ("simulating", 0.5, 90),
             ("metrics", 0.75, 95)]  # fmt: skip
    page, told = open_page("/docs"), iter(steps)

    def answer(route):
        stage, progress, elapsed = next(told, (None, 1, 0))
        if stage is None:
            return
        route.fulfill(
            json={"status": "RUNNING", "stage": stage, "progress": progress, "elapsed_seconds": elapsed}
        )

    page.evaluate(WATCHED)
    page.route("**/watched", answer)
    page.add_script_tag(url="/static/watch.js", type="module")

    expect(page.locator("#clock")).to_have_text("1 min 35 s, about 2.0 s left")


def test_the_bars_that_are_done_are_told_and_never_become_fewer_where_a_run_is_computed_again(
    open_page, result
):
    page = open_page("/docs")
    steps = iter([("look-ahead", 0.25), ("simulating", 0.5), ("loading", 0.0), ("applying rule", 0.1)])
    told = []

    def answer(route):
        told.append(page.locator("#bars-done").text_content())
        stage, progress = next(steps, (None, 0))
        if stage:
            route.fulfill(
                json={"status": "RUNNING", "stage": stage, "progress": progress, "elapsed_seconds": 1}
            )

    page.evaluate(WATCHED)
    page.route("**/watched", answer)
    page.add_script_tag(url="/static/watch.js", type="module")

    expect(page.locator("#headline")).to_have_text("Simulating 50%")
    while len(told) < 5:
        page.wait_for_timeout(50)
    assert told == ["", "1,257 of 5,031 bars done", *["2,515 of 5,031 bars done"] * 3]
    assert page.locator("#bar").evaluate("bar => bar.value") == 0.5


WATCHED = """() => {
  document.getElementById("main").innerHTML = `<div id="watch" data-status="/watched" data-bars="5031">
    <strong id="headline"></strong><span id="clock"></span><progress id="bar"></progress>
    <ol class="steps"><li>Queued<li>Loading<li>Simulating<li>Saving</ol>
    <p id="bars-done"></p><p id="connection"></p></div>`;
}"""
