"""The settings of a result: every one of them, and ways to run them again."""

import json
import shlex

from playwright.sync_api import expect


def test_what_differs_from_the_defaults_stands_out_in_the_settings_and_is_the_label(open_page):
    page = open_page("/?params.fast=20&params.slow=60&stop_loss_pct=5")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".page-head .label")).to_have_text("fast 20, slow 60, stop-loss 5%")

    page.get_by_role("navigation", name="Result").get_by_role("link", name="Settings").click()

    expect(page.locator(".settings .changed dt")).to_have_text(["Fast average", "Slow average", "Stop-loss"])
    expect(page.locator(".settings dl > div")).to_have_count(22)


def test_a_run_is_copied_as_curl_and_the_copy_is_the_same_request(open_page, result):
    page = open_page(f"{result}?tab=settings", permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("Copied as curl.")).to_be_visible()

    words = shlex.split(page.evaluate("navigator.clipboard.readText()").replace("\\\n", ""))
    answer = page.request.post(words[2], data=json.loads(words[words.index("-d") + 1]))
    page.goto(answer.json()["links"]["page"])
    expect(page.get_by_role("navigation", name="Result")).to_be_visible()
    stored = page.request.get(f"/api{result}").json()
    again = page.request.get(answer.json()["links"]["self"]).json()
    same = ("symbols", "rule_type", "start_date", "end_date", "fee_rate", "size", "benchmark", "result_hash")
    assert again["result_hash"]
    assert [again[name] for name in same] == [stored[name] for name in same]


def test_a_browser_that_refuses_to_copy_leaves_the_text_to_be_selected(open_page, result):
    page = open_page(f"{result}?tab=settings")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")

    page.get_by_role("button", name="Copy as argo submit").click()

    expect(page.get_by_text("The browser refused to copy")).to_be_visible()
    page.get_by_text("argo submit", exact=True).click()
    expect(page.locator("#as-argo code")).to_contain_text("--from workflowtemplate/backtest")
