"""Studies in a browser: from ranges in the form to the heatmap, and from a cell to the run of that trial."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def study(browser, address):
    """The path of a finished study of twelve trials."""
    space = {"params.fast": [5, 10, 15], "params.slow": [30, 40, 50, 60]}
    context = browser.new_context(base_url=address)
    request = {
        "symbols": ["SP500"], "rule_type": "MOVING_AVERAGE_CROSS", "space": space,
        "start_date": "2009-01-02", "end_date": "2018-12-31",
    }  # fmt: skip
    path = f"/studies/{context.request.post('/run_study', data=request).json()['study_id']}"
    page = context.new_page()
    page.goto(path)
    expect(page.locator("#verdict")).to_be_visible()
    context.close()
    return path


def test_ranges_in_the_form_become_a_study_whose_cell_opens_as_a_run(open_page):
    page = open_page()
    ranged(page, fast=(5, 15, 5), slow=(30, 60, 10))

    page.get_by_role("button", name="Run study (12 trials").click()

    expect(page).to_have_url(re.compile("/studies/"))
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator("#heat rect[data-trial]")).to_have_count(12)
    page.locator("#heat svg.heat-cells").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#heat-said")).to_contain_text("open it as a run")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/"))


def test_a_study_is_read_without_a_script_and_on_a_phone(open_page, study):
    page = open_page("/studies", java_script_enabled=False, viewport={"width": 390, "height": 844})

    page.locator(f"a[href='{study}']").first.click()
    page.get_by_role("link", name="Trials", exact=True).click()

    expect(page.locator("tbody tr")).to_have_count(12)


def ranged(page, **ranges):
    """Turn numbers of the form into ranges of from, to and step."""
    for name, values in ranges.items():
        field = page.locator(f"[data-field='{'' if name.endswith('_pct') else 'params.'}{name}']")
        field.get_by_role("button").click()
        for side, value in zip(("from", "to", "step"), values, strict=True):
            field.locator(f"[data-side='{side}']").fill(str(value))


def test_a_walk_forward_is_submitted_with_the_options_of_a_study_and_shown_window_by_window(open_page):
    page = open_page()
    expect(page.locator("#study-options")).to_be_hidden()
    ranged(page, fast=(5, 10, 5), slow=(30, 60, 30))
    page.get_by_text("More options of the study").click()
    page.get_by_label("Objective").select_option("cagr")
    page.get_by_label("Fewest trades").fill("1")
    page.get_by_label("Training bars").fill("750")
    page.get_by_label("Test bars").fill("250")

    page.get_by_role("button", name="Run study (4 trials").click()

    expect(page.locator("#verdict")).to_be_visible()
    expect(page.get_by_text("ranked by cagr")).to_be_visible()
    page.get_by_role("link", name="Walk-forward").click()
    expect(page.locator("svg.plot .line.equity")).to_have_count(1)
    expect(page.get_by_role("heading", name="8 windows")).to_be_visible()


def test_without_a_range_the_form_submits_a_run_and_none_of_the_options_of_a_study(open_page):
    page = open_page()
    ranged(page, fast=(5, 10, 5))
    page.locator("[data-field='params.fast']").get_by_role("button").click()

    expect(page.locator("#study-options")).to_be_hidden()
    page.get_by_role("button", name="Run backtest").click()

    expect(page).to_have_url(re.compile("/runs/"))
    expect(page.locator("dl.kpis")).to_be_visible()


def test_a_study_is_watched_cancelled_and_finished(open_page):
    page = open_page()
    page.get_by_text("Stops and targets").click()
    ranged(page, fast=(2, 20, 1), slow=(30, 80, 1), stop_loss_pct=(1, 15, 0.25))
    page.get_by_role("button", name=re.compile(r"Run study \(55,233 trials")).click()
    expect(page).to_have_url(re.compile("/studies/"))

    page.get_by_role("button", name="Cancel study").click()
    expect(page.get_by_text("Cancelled on request.")).to_be_visible()
    page.get_by_role("button", name="Finish it").click()

    expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator("#heat svg.heat-cells")).to_have_count(4)
    expect(page.locator("#heat rect[data-trial]")).to_have_count(4 * 57 * 51)


def test_selected_trials_are_compared_as_runs_by_keyboard_on_a_phone(open_page, study):
    page = open_page(study, viewport={"width": 390, "height": 844})
    page.get_by_role("link", name="Trials", exact=True).click()
    expect(page.get_by_role("checkbox", name=re.compile("^Select trial"))).to_have_count(12)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    for box in page.get_by_role("checkbox", name=re.compile("^Select trial")).all()[:3]:
        box.focus()
        page.keyboard.press("Space")
    expect(page.locator("#chosen")).to_have_text("3 selected")
    page.get_by_role("button", name="Compare selected").press("Enter")

    expect(page).to_have_url(re.compile(r"/compare\?(run=[0-9a-f-]{36}&){3}"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["heatmap", "trials", "parameters", "overfitting"])
def test_the_rooms_of_a_study_have_no_barriers(open_page, study, tab, theme):
    page = open_page(f"{study}?tab={tab}", color_scheme=theme)
    expect(page.locator("#verdict")).to_be_visible()

    found = Axe().run(page).response["violations"]

    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], fault["nodes"][0]["html"][:150]) for fault in grave] == []
