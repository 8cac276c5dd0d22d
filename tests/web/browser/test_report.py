"""The report as a file: opened from a disk, without the product, it is the same and moves."""

from playwright.sync_api import expect


def kept(page, tmp_path):
    """The address of the downloaded report on this disk."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Download report").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_kept_report_draws_its_chart_from_a_disk_and_asks_no_network(open_page, result, tmp_path):
    page, asked = open_page(result), []
    path = kept(page, tmp_path)
    page.on("request", lambda request: asked.append(request.url))

    page.goto(path.as_uri())

    expect(page.locator("#chart canvas").first).to_be_visible()
    expect(page.locator("#legend")).to_contain_text("Hold SP500")
    box = page.locator("#chart").bounding_box()
    last = page.locator("#legend b").text_content()
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    expect(page.locator("#legend b")).not_to_have_text(last)
    page.get_by_role("button", name="Log").click()
    expect(page.get_by_role("button", name="Log")).to_have_attribute("aria-pressed", "true")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_a_report_shows_its_pictures_on_paper_and_without_scripts(open_page, result, tmp_path):
    path = kept(open_page(result), tmp_path)
    page = open_page(result, java_script_enabled=False)

    page.goto(path.as_uri())
    expect(page.locator(".picture img").first).to_be_visible()
    page.emulate_media(media="print")

    expect(page.locator(".picture img")).to_have_count(4)
    expect(page.locator("#chart")).to_be_hidden()


def test_a_run_prints_its_verdict_and_figures_without_what_only_a_screen_can_do(open_page, result):
    page = open_page(result)
    page.emulate_media(media="print")

    expect(page.locator(".verdict .headline")).to_be_visible()
    expect(page.locator("#first-metrics")).to_be_visible()
    for unprinted in ("nav.tabs", ".page-head .actions", ".annotation", ".chart .tools"):
        expect(page.locator(unprinted).first).to_be_hidden()
