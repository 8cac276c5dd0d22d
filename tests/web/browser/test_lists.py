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


def submitted(page, query):
    """The id of a run that the form submits."""
    page.goto(f"/?{query}")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("dl.kpis")).to_be_visible()
    return page.url.split("/")[-1].split("?")[0]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_values_of_every_curve_are_read_near_the_pointer_and_by_keyboard(open_page, result, scale):
    page = open_page()
    other = submitted(page, "params.fast=20&params.slow=60")
    page.goto(f"/compare?run={result.split('/')[-1]}&run={other}&scale={scale}")
    legend = page.locator(".legend li")
    values = sorted(float(item.locator(".value").text_content().replace(",", "")) for item in legend.all())
    area, box = page.locator(".readable"), page.locator(".hover-box")

    drawing = page.locator(".overlay svg").bounding_box()
    page.mouse.move(drawing["x"] + drawing["width"] - 0.5, drawing["y"] + 50)

    expect(box).to_be_visible()
    read = [float(value.replace(",", "")) for value in box.locator(".value").all_text_contents()]
    assert sorted(read) == pytest.approx(values, rel=0.01)
    assert read == sorted(read, reverse=True)
    assert "Hold SP500" in box.text_content()
    near = box.bounding_box()
    assert 0 < drawing["x"] + drawing["width"] - (near["x"] + near["width"]) < 40

    page.mouse.move(0, 0)
    expect(box).to_be_hidden()
    area.press("Home")
    expect(box.locator("strong")).to_have_text(page.locator(".overlay text").all_text_contents()[-2])
    assert {float(value) for value in box.locator(".value").all_text_contents()} == {100.0}


def test_another_run_is_made_the_baseline_of_a_comparison(open_page, result):
    page = open_page()
    other = submitted(page, "params.fast=20&params.slow=60")

    page.goto(f"/compare?run={result.split('/')[-1]}&run={other}")
    page.get_by_role("link", name="the baseline").first.click()

    expect(page).to_have_url(re.compile(f"run={other}&run="))
    expect(page.get_by_role("row", name="Fast average").locator("td").first).to_have_text("20 bars")
