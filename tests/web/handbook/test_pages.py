"""Parts of the documentation as pages: a metric and a rule lead to their full text, and links lead somewhere."""

import re

import pytest

from backtest.metrics.catalogue import CATALOGUE
from tests.source_tree import ROOT
from tests.web.conftest import PAGE
from web.handbook.pages import TITLES


def text(client, name):
    answer = client.get(f"/docs/{name}", headers=PAGE)
    assert answer.status_code == 200
    return answer.text


def anchors(page):
    return set(re.findall(r'id="([^"]+)"', page))


def test_every_metric_has_a_place_of_its_own_with_its_formula(client):
    page = text(client, "metrics")

    assert set(CATALOGUE) - anchors(page) == set()
    assert "<code>E_n / E_0 - 1</code>" in page


@pytest.mark.parametrize("name", TITLES)
def test_every_link_of_a_page_leads_to_a_place_that_is_there(client, name):
    page = text(client, name)
    pages = {other: anchors(text(client, other)) for other in TITLES}

    article = page[page.index("<article") :]
    for file, anchor in re.findall(r'href="([^"#:/]*)(?:#([^"]+))?"', article):
        assert (file or name) in pages
        assert not anchor or anchor in pages[file or name]


def test_a_result_leads_from_a_figure_to_its_definition_and_to_the_chapter_of_its_rule(client, finished):
    run = finished()
    overview = client.get(f"/runs/{run}", headers=PAGE).text
    settings = client.get(f"/runs/{run}?tab=settings", headers=PAGE).text

    assert '<a href="/docs/metrics#sharpe_ratio">Full definition</a>' in overview
    assert '<a href="/docs/rules#moving_average_cross">How this rule trades</a>' in settings
    assert '<a href="/docs/engine">' in settings
    assert 'id="moving_average_cross"' in text(client, "rules")


def test_the_form_leads_to_the_chapter_of_the_chosen_rule_where_there_is_one(client):
    shown = client.get("/fragments/params?rule_type=RSI", headers=PAGE).text

    assert '<a href="/docs/rules#rsi">How it trades</a>' in shown


def test_a_document_that_is_no_page_is_404_and_the_others_are_named(client):
    answer = client.get("/docs/ops-guide", headers=PAGE)

    assert answer.status_code == 404
    assert "engine, metrics, rules" in answer.text


def test_the_image_holds_every_document_that_is_a_page():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert [name for name in TITLES if f"!docs/{name}.md" not in ignored] == []
