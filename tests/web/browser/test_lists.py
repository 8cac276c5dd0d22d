"""The list of runs and the comparison, used by people in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.browser.test_flows import PHONE

LONG = "Unbroken" * 25


def test_a_list_is_searched_by_what_its_rows_show_and_keeps_its_order_and_columns(open_page, result):
    page = open_page("/runs")

    page.get_by_role("link", name="Return").click()
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("CAGR").check()
    page.get_by_label("Search").fill("moving average fast")
    page.get_by_role("button", name="Search").click()

    expect(page.locator('th[aria-sort="descending"]')).to_have_text("Return")
    expect(page.get_by_role("columnheader", name="CAGR")).to_be_visible()
    expect(page.locator(".page-head p")).to_have_text(re.compile(r"\d+ runs? match"))
    expect(page.locator("tbody .title a").first).to_be_visible()


@pytest.mark.parametrize("how", [{}, PHONE], ids=["wide", "phone"])
def test_a_long_name_wraps_and_pushes_nothing_out_of_sight(open_page, result, how):
    page = open_page("/runs", **how)
    page.request.patch(f"/api/runs/{result.split('/')[-1]}", data={"name": LONG})
    page.reload()

    row = page.get_by_role("row", name=LONG)
    expect(row).to_be_visible()
    inside = row.locator("td").last.bounding_box()
    page.request.patch(f"/api/runs/{result.split('/')[-1]}", data={"name": ""})
    assert inside["x"] + inside["width"] <= page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert row.bounding_box()["height"] < 190


def test_the_first_run_of_a_list_is_in_the_first_view_of_a_phone(open_page, result):
    page = open_page("/runs", **PHONE)

    assert page.locator("tbody tr").first.bounding_box()["y"] < 500


def test_another_run_is_made_the_baseline_of_a_comparison(open_page, result):
    page = open_page("/?params.fast=20&params.slow=60")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("dl.kpis")).to_be_visible()
    other = page.url.split("/")[-1].split("?")[0]

    page.goto(f"/compare?run={result.split('/')[-1]}&run={other}")
    page.get_by_role("link", name="the baseline").first.click()

    expect(page).to_have_url(re.compile(f"run={other}&run="))
    expect(page.get_by_role("row", name="Parameter fast").locator("td").first).to_have_text("20")
