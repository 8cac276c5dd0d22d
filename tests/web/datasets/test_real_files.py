"""Excerpts of files that people have, through the page and the API: previewed, asked about, stored."""

import io
from urllib.parse import urlencode

import numpy as np
import pytest

from tests.backtest.real_price_files import FILES, FOLDER, answered
from tests.web.conftest import PAGE


def form(name, *, as_name=None, **more):
    return {"file": (io.BytesIO((FOLDER / name).read_bytes()), as_name or name), **more}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_previewed_with_its_questions_and_stored_with_the_answers(client, name):
    expected = FILES[name]
    symbol = "" if expected.names_itself else "ACME"

    preview = client.post("/datasets/preview", data=form(name, symbol=symbol))
    assert preview.status_code == 200, preview.text
    reading = preview.json["reading"]
    query = urlencode({"symbol": symbol} | answered(reading["questions"]))
    stored = client.post(f"/api/datasets?{query}", data=(FOLDER / name).read_bytes(), content_type="text/csv")

    assert tuple(question["option"] for question in reading["questions"]) == expected.asks
    shown = [(found["bars"], found["timeframe"], found["first_bar"]) for found in reading["symbols"]]
    assert shown == [
        (found.bars, found.timeframe, found.first_day.replace("T", " ")) for found in expected.symbols
    ]
    np.testing.assert_array_equal(preview.json["rows"][0]["close"], expected.symbols[0].first[3])
    assert stored.status_code == 201, stored.text
    assert [found["bars"] for found in stored.json["datasets"]] == [found.bars for found in expected.symbols]


@pytest.mark.parametrize(
    "file_name",
    [
        "Apple Stock Price History.csv",
        "SP_SPX, 1D.csv",
        "BINANCE_BTCUSDT_PERPETUAL_DAILY_2019_2024.csv",
        "삼성전자 일별.csv",
    ],
)
def test_a_file_whose_name_is_no_symbol_is_previewed_and_the_symbol_is_asked_for(client, file_name):
    content = form("nasdaq.csv", as_name=file_name, symbol="")
    preview = client.post("/datasets/preview", data=content)
    refused = client.post("/datasets", data=form("nasdaq.csv", as_name=file_name, symbol=""), headers=PAGE)
    stored = client.post("/api/datasets", data=form("nasdaq.csv", as_name=file_name, symbol="AMZN"))
    named_inside = client.post("/api/datasets", data=form("tiingo.csv", as_name=file_name, symbol=""))

    assert preview.status_code == 200
    assert [question["option"] for question in preview.json["reading"]["questions"]] == ["symbol"]
    assert preview.json["rows"][0]["close"] == 3190.55
    assert (refused.status_code, "Which symbol are these prices of?" in refused.text) == (400, True)
    assert (stored.status_code, stored.json["symbol"]) == (201, "AMZN")
    assert (named_inside.status_code, named_inside.json["symbol"]) == (201, "AAPL")
