"""The bars of a dataset are listed page by page, the newest first."""

import pytest

from backtest import samples
from tests.backtest.price_bars import dataset
from tests.backtest.real_price_files import FOLDER
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


def stored(client, symbol):
    return next(found for found in client.get("/api/datasets").json["datasets"] if found["symbol"] == symbol)


def candles(client, data_hash, **query):
    return client.get(f"/api/datasets/{data_hash}/candles", query_string=query)


def test_the_candles_of_a_dataset_hold_every_high_and_low_however_few_they_are(client):
    bars, found = samples.load("GOOG").bars, stored(client, "GOOG")

    few = candles(client, found["data_hash"], candles=50).json

    assert (few["symbol"], few["bars"], few["panes"]) == ("GOOG", len(bars), [])
    assert len(few["times"]) <= 50
    assert few["bars_per_candle"] == -(-len(bars) // 50)
    assert max(few["high"]) == pytest.approx(bars.high.max(), rel=1e-6)
    assert min(few["low"]) == pytest.approx(bars.low.min(), rel=1e-6)
    assert (few["open"][0], few["close"][-1]) == (
        pytest.approx(bars.open[0, 0], rel=1e-6),
        pytest.approx(bars.close[-1, 0], rel=1e-6),
    )


def test_a_window_of_candles_has_one_for_each_of_its_bars(client):
    found = stored(client, "GOOG")

    part = candles(
        client, found["data_hash"], **{"from": 1_199_145_600, "to": 1_201_737_600}
    ).json  # January 2008

    assert part["bars_per_candle"] == 1
    assert part["bars_in_range"] == len(part["times"]) == 21 + 2  # one more on each side
    assert part["bars"] == found["bars"]


def test_bars_before_1970_are_drawn_and_zoomed_like_all_others(client):
    content = (FOLDER / "tradingview-spx-1950.csv").read_bytes()
    found = client.post("/api/datasets?symbol=OLD", data=content, content_type="text/csv").json

    whole = candles(client, found["data_hash"]).json
    part = candles(client, found["data_hash"], **{"from": whole["times"][4], "to": whole["times"][6]}).json

    assert whole["times"][0] == -630_979_200
    assert part["times"] == whole["times"][3:8]


def test_candles_of_prices_that_are_not_there_are_404_and_known_ones_are_not_sent_twice(client):
    found = stored(client, "GOOG")
    first = candles(client, found["data_hash"])

    again = client.get(first.request.path, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert candles(client, "f" * 64).status_code == 404
    assert candles(client, found["data_hash"], candles=5).json["errors"][0]["field"] == "candles"


def test_the_page_of_a_dataset_has_a_chart_and_its_picture_without_a_script(client):
    found = stored(client, "GOOG")

    page = client.get(f"/datasets/{found['data_hash']}", headers=PAGE).text

    assert f'data-source="/api/datasets/{found["data_hash"]}/candles"' in page
    assert '<svg class="overlay"' in page.split("<noscript>")[1].split("</noscript>")[0]
