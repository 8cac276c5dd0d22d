"""The bars of a dataset are listed page by page, the newest first."""

from tests.backtest.price_bars import dataset
from tests.web.conftest import PAGE
from web.datasets.bars_page import bars_page


def test_pages_hold_a_hundred_bars_and_the_last_one_the_rest():
    prices = dataset([100.0 + bar for bar in range(250)])

    first, last, beyond = (bars_page(prices, page) for page in (1, 3, 9))

    assert (first["page"], first["pages"], len(first["rows"])) == (1, 3, 100)
    assert (first["rows"][0][4], first["rows"][-1][4]) == (349.0, 250.0)
    assert ([row[4] for row in last["rows"]], beyond) == ([149.0 - bar for bar in range(50)], last)


def test_the_page_of_a_dataset_lists_its_bars_and_leads_to_older_ones(client):
    stored = client.get("/api/datasets").json["datasets"][0]

    first, second = (
        client.get(f"/datasets/{stored['data_hash']}?page={page}", headers=PAGE).text for page in (1, 2)
    )

    assert stored["last_bar"][:10] in first
    assert ("Older" in first, "Newer" in first, "Newer" in second) == (True, False, True)
