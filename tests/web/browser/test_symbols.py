"""Symbols of the form, found while typing and chosen by keyboard or press, in a browser."""

import re

from playwright.sync_api import expect


def without_its_chip(page, symbol):
    """Serve the form as where so many symbols are stored that this one has no button of its own."""
    chip = re.compile(rf'<button class="chip"[^>]*data-symbol="{symbol}".*?</button>', re.DOTALL)

    def serve(route):
        answer = route.fetch()
        text, count = chip.subn("", answer.text())
        assert count == 1
        route.fulfill(response=answer, body=text)

    page.route(re.compile(r"//[^/]+/$"), serve)


def test_symbols_are_searched_while_typing_and_chosen_by_keyboard(open_page):
    page = open_page()
    symbols = page.get_by_role("combobox", name="Symbols")

    symbols.press("End")
    symbols.press_sequentially(", nas")
    suggestions = page.get_by_role("listbox", name="Suggestions")
    expect(suggestions.get_by_role("option")).to_have_text(
        re.compile("NASDAQ.*1999-01-04 to 2018-12-31, 5,031 bars")
    )
    symbols.press("ArrowDown")
    symbols.press("Enter")

    expect(symbols).to_have_value("SP500, NASDAQ")
    expect(suggestions).to_be_hidden()
    expect(page.locator("#plan")).to_contain_text("2,516 bars of 2 symbols")
    expect(page.locator("#symbol-facts")).to_contain_text("NASDAQ: 1999-01-04 to 2018-12-31")


def test_the_list_of_symbols_never_offers_what_the_word_typed_last_has_ruled_out(open_page):
    page = open_page()
    symbols = page.get_by_role("combobox", name="Symbols")
    options = page.get_by_role("listbox", name="Suggestions").get_by_role("option")

    symbols.press("End")
    symbols.press_sequentially(", ")
    expect(options).to_have_text([re.compile("GOOG"), re.compile("NASDAQ")])
    symbols.press_sequentially("nas")

    assert [option.split()[0][:6] for option in options.all_inner_texts()] == ["NASDAQ"]


def test_keys_pressed_before_the_server_has_found_a_symbol_wait_for_it(open_page):
    page, held = open_page("/datasets"), []
    without_its_chip(page, "NASDAQ")
    page.route(re.compile(r"/api/symbols\?"), lambda route: held.append(route))
    page.goto("/")
    symbols = page.get_by_role("combobox", name="Symbols")

    symbols.press("End")
    symbols.press_sequentially(", nas")
    symbols.press("ArrowDown")
    symbols.press("Enter")
    expect(symbols).to_have_value("SP500, nas")
    page.unroute(re.compile(r"/api/symbols\?"))  # what is asked for from now on is answered at once
    for route in held:
        route.continue_()

    expect(symbols).to_have_value("SP500, NASDAQ")
    expect(page.locator("#symbol-facts")).to_contain_text("NASDAQ: 1999-01-04 to 2018-12-31")


def test_enter_after_an_arrow_that_waited_for_nothing_leaves_what_was_typed(open_page):
    page, held = open_page(), []
    page.route(re.compile(r"/api/symbols\?q=NOPE&"), lambda route: held.append(route))
    symbols = page.get_by_role("combobox", name="Symbols")

    symbols.fill("NOPE")
    symbols.press("ArrowDown")
    symbols.press("Enter")
    for route in held:
        route.continue_()

    expect(page.locator("#f-symbols-error")).to_contain_text("No price data for NOPE")
    expect(symbols).to_have_value("NOPE")
    expect(page).to_have_url(re.compile("/$"))


def test_a_chosen_symbol_has_a_button_also_where_it_is_not_among_the_offered_ones(open_page):
    page = open_page("/docs")
    without_its_chip(page, "NASDAQ")
    page.goto("/")
    symbols = page.get_by_label("Symbols", exact=True)

    symbols.fill("sp500 nasdaq")
    symbols.blur()
    chip = page.get_by_role("button", name="NASDAQ", exact=True)
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()

    expect(symbols).to_have_value("SP500")
    expect(chip).to_have_attribute("aria-pressed", "false")


def test_symbols_and_ranges_are_chosen_by_a_press(open_page):
    page = open_page()

    page.get_by_role("button", name="SP500", exact=True).click()
    page.get_by_role("button", name="GOOG", exact=True).click()
    page.get_by_role("button", name="Max", exact=True).click()

    expect(page.get_by_label("Symbols")).to_have_value("GOOG")
    expect(page.get_by_label("From", exact=True)).to_have_value("2004-08-19")
