"""Prices in a browser: uploaded, previewed, looked at, renamed and deleted."""

import re

import pytest
from playwright.sync_api import expect


def test_an_upload_is_previewed_then_certified(open_page, prices):
    page = open_page("/datasets")

    page.get_by_label("CSV or Parquet file").set_input_files(prices)
    expect(page.get_by_text("is ready to upload.")).to_be_visible()
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_text("No suspect bars found.")).to_be_visible()
    expect(page.get_by_role("heading", name="ACME", exact=True)).to_be_visible()


def test_a_symbol_is_renamed_and_deleted_on_its_page(open_page, prices):
    page = open_page("/datasets")
    page.get_by_label("CSV or Parquet file").set_input_files(prices)
    page.get_by_label("Symbol", exact=True).fill("FORMER")
    page.get_by_role("button", name="Upload").click()

    page.get_by_label("New symbol").fill("LATTER")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="LATTER", exact=True)).to_be_visible()
    page.get_by_text("Delete LATTER", exact=True).click()
    page.get_by_role("button", name="Delete LATTER permanently").click()

    expect(page.get_by_role("heading", name="Datasets", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("FORMER|LATTER"))).to_have_count(0)


def test_prices_that_a_run_lacks_are_uploaded_from_the_form(open_page, prices):
    page = open_page("/?symbols=LACKED&initial_capital=12345", strict=False)  # the browser logs the 400
    page.get_by_role("button", name="Run backtest").click()
    page.get_by_role("link", name="Upload prices").click()

    page.get_by_label("CSV or Parquet file").set_input_files(prices)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_label("Symbols", exact=True)).to_have_value("LACKED")
    expect(page.locator("#f-initial_capital")).to_have_value("12345")
    expect(page.get_by_role("link", name="Upload prices")).to_have_count(0)


def test_prices_are_offered_as_soon_as_a_symbol_without_them_is_typed(open_page, prices):
    page = open_page()
    page.locator("#f-initial_capital").fill("23456")
    symbols = page.get_by_label("Symbols", exact=True)
    symbols.fill("sp500 TYPED")
    symbols.blur()
    expect(page.get_by_text("TYPED:")).to_be_visible()
    page.get_by_role("link", name="Upload prices").click()

    page.get_by_label("CSV or Parquet file").set_input_files(prices)
    page.get_by_role("button", name="Upload").click()

    expect(symbols).to_have_value("sp500 TYPED")
    expect(page.locator("#f-initial_capital")).to_have_value("23456")
    expect(page.get_by_role("link", name="Upload prices")).to_have_count(0)


def test_the_bars_of_a_dataset_are_leafed_through(open_page):
    page = open_page("/datasets")
    page.get_by_role("link", name="GOOG", exact=True).click()
    table = page.get_by_role("region", name="Bars")

    newest = table.get_by_role("row").nth(1).inner_text()
    page.get_by_role("link", name="Older").click()

    expect(page.get_by_text("Page 2 of")).to_be_visible()
    expect(table.get_by_role("row").nth(1)).not_to_have_text(newest)


def test_a_file_that_is_dropped_is_previewed_with_its_first_bars(open_page, prices):
    page = open_page("/datasets")
    dropped = page.evaluate_handle(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
          return data;
        }""",
        prices.read_text(),
    )

    page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})

    expect(page.get_by_text("DROPPED is ready to upload.")).to_be_visible()
    expect(page.get_by_role("region", name="First bars of the file").get_by_role("row")).to_have_count(6)
    expect(page.get_by_role("textbox", name="Symbol", exact=True)).to_have_value("DROPPED")


def test_a_wrong_upload_is_told_by_line_before_it_is_sent(open_page, prices):
    prices.write_text(prices.read_text().replace("2024-01-04,10", "2024-01-04,-1"))
    page = open_page("/datasets", strict=False)  # the browser itself logs the refusal

    page.get_by_label("CSV or Parquet file").set_input_files(prices)

    expect(page.get_by_text("Line 4: open")).to_be_visible()


def chart_of(open_page, symbol="GOOG", **options):
    page = open_page("/datasets", **options)
    page.get_by_role("link", name=symbol, exact=True).click()
    expect(page.locator("figure[data-ready]")).to_be_visible()
    return page


def seen(page):
    return page.locator("figure .when").inner_text()


def test_the_price_of_a_dataset_is_read_bar_by_bar_with_the_keyboard(open_page):
    page = chart_of(open_page)
    chart = page.get_by_role("group", name="Price of GOOG")

    chart.focus()
    chart.press("End")
    last = page.locator("figure [role=status]").last
    expect(last).to_contain_text("2013-02-26: close 806.19")
    chart.press("Home")
    expect(last).to_contain_text("2004-08-19: close")


def test_zooming_into_the_price_of_a_dataset_fetches_each_bar(open_page):
    page = chart_of(open_page)
    expect(page.get_by_text("One candle is 4 bars; zoom in for each.")).to_be_visible()

    with page.expect_response(lambda answer: "/candles?from=" in answer.url) as detail:
        page.get_by_role("button", name="6M", exact=True).click()

    assert detail.value.json()["bars_per_candle"] == 1
    expect(page.get_by_text("One candle is")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_price_of_a_dataset_fits_a_phone_in_light_and_dark(open_page, scheme):
    page = chart_of(open_page, viewport={"width": 390, "height": 844}, color_scheme=scheme)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Zoom in", "6M"):
        assert page.get_by_role("button", name=name, exact=True).bounding_box()["height"] >= 24


def test_prices_without_a_script_are_a_picture_and_a_table(open_page):
    page = open_page("/datasets", java_script_enabled=False)

    page.get_by_role("link", name="GOOG", exact=True).click()

    expect(page.get_by_role("img", name="Close of every bar")).to_be_visible()
    expect(page.get_by_role("region", name="Bars").get_by_role("row")).to_have_count(101)
    expect(page.locator(".chart-area")).to_be_hidden()
