"""A symbol without prices is brought in from the form, which is there again with everything typed."""

import io
from html import unescape
from re import fullmatch, search

import pytest

from tests.web.conftest import PAGE, SMALLEST

FORM = SMALLEST | {"symbols": "NEWONE", "initial_capital": "12345"}
CSV = b"Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10,11,9,10.5,100\n"


def sent(client, **changes):
    fields = {name: value for name, value in (FORM | changes).items() if name != "params"}
    return client.post("/run_backtest", data=fields, headers=PAGE).text


def test_an_unknown_symbol_offers_an_upload_that_comes_back_to_the_filled_form(client):
    link = unescape(search(r'NEWONE:</span> <a href="([^"]+)">Upload prices', sent(client))[1])
    page = client.get(link, headers=PAGE).text
    back = unescape(search(r'name="next" value="([^"]+)"', page)[1])
    assert 'name="symbol" value="NEWONE"' in page

    upload = {"symbol": "NEWONE", "next": back, "file": (io.BytesIO(CSV), "prices.csv")}
    answer = client.post("/datasets", data=upload, headers=PAGE)

    assert (answer.status_code, answer.location) == (303, back)
    form = client.get(back, headers=PAGE).text
    assert 'name="symbols" value="NEWONE"' in form
    assert 'value="12345"' in form


@pytest.mark.parametrize(
    ("back", "led"),
    [
        ("/", "/"),
        ("/?symbols=NEWONE", r"/\?symbols=NEWONE"),
        ("https://example.com/?a=1", r"/datasets/\w+"),
        ("//example.com/", r"/datasets/\w+"),
    ],
)
def test_an_upload_leads_back_to_the_form_and_to_no_address_elsewhere(client, back, led):
    upload = {"symbol": "NEWONE", "next": back, "file": (io.BytesIO(CSV), "prices.csv")}

    answer = client.post("/datasets", data=upload, headers=PAGE)

    assert fullmatch(led, answer.location)


def test_a_mistake_that_is_no_missing_symbol_offers_nothing(client):
    assert '<div id="offers"></div>' in sent(client, symbols=SMALLEST["symbols"][0], initial_capital="-1")


def test_a_check_names_the_symbols_without_prices(client):
    asked = SMALLEST | {"symbols": ["sp500", "NEWONE"], "benchmark": "ALSONEW"}

    found = client.post("/api/check", json=asked).json
    wrong = client.post("/api/check", json=SMALLEST | {"initial_capital": -1}).json

    assert found["missing"] == ["NEWONE", "ALSONEW"]
    assert wrong["missing"] == []
