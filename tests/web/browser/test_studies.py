"""Studies in a browser: from ranges in the form to the heatmap, and from a cell to the run of that trial."""

import re

from playwright.sync_api import expect


def test_ranges_in_the_form_become_a_study_whose_cell_opens_as_a_run(open_page):
    page = open_page()
    for name, values in (("params-fast", (5, 15, 5)), ("params-slow", (30, 60, 10))):
        field = page.locator(f"[data-field='{name.replace('-', '.')}']")
        field.get_by_role("button").click()
        for side, value in zip(("from", "to", "step"), values, strict=True):
            field.locator(f"[data-side='{side}']").fill(str(value))

    page.get_by_role("button", name="Run study (12 trials").click()

    expect(page).to_have_url(re.compile("/studies/"))
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator("#heat rect[data-trial]")).to_have_count(12)
    page.locator("#heat").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#heat-said")).to_contain_text("open it as a run")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/"))


def test_a_study_is_read_without_a_script_and_on_a_phone(open_page):
    page = open_page("/studies", java_script_enabled=False, viewport={"width": 390, "height": 844})

    page.get_by_role("link", name=re.compile("Moving average cross")).first.click()
    page.get_by_role("link", name="Trials", exact=True).click()

    expect(page.locator("tbody tr")).to_have_count(12)
