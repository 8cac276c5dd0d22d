"""Prices from Yahoo Finance: our way there against a server like it, and what the page does with the answers."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from backtest.prices.yahoo import COLUMNS
from config.settings import Settings
from tests.web.conftest import PAGE
from tests.web.yahoo_stubs import DAYS, ROWS, FakeYahoo, served, through_yfinance
from web.application import create_app
from web.datasets.yahoo import UnknownToYahoo, YahooFinance, YahooUnavailable


@pytest.fixture(params=["fake", "through yfinance"])
def yahoo(request):
    """Both sides of the port: what the tests below use, and what the product uses."""
    if request.param == "fake":
        yield FakeYahoo()
    else:
        with served() as address:
            yield through_yfinance(address)


def test_a_known_symbol_gives_its_days_and_prices(yahoo):
    quotes = yahoo.daily("ACME")

    assert quotes.days.astype("datetime64[D]").astype(str).tolist() == list(DAYS)
    assert {name: tuple(column) for name, column in quotes.columns.items()} == ROWS


def test_an_unknown_symbol_is_told_from_a_server_that_is_away(yahoo):
    with pytest.raises(UnknownToYahoo, match="no daily prices for 'NOSUCH'"):
        yahoo.daily("NOSUCH")


def test_a_server_that_is_away_says_so_and_what_helps():
    with pytest.raises(YahooUnavailable, match=r"is unreachable.*upload a file instead"):
        through_yfinance("http://127.0.0.1:1").daily("ACME")


def test_a_server_that_never_answers_is_given_up():
    never = YahooFinance((sys.executable, "-c", "import time; time.sleep(60)"), limit_seconds=0.5)

    with pytest.raises(YahooUnavailable, match=r"did not answer within 0\.5 seconds"):
        never.daily("ACME")


def test_a_process_that_fails_gives_its_last_words():
    broken = YahooFinance((sys.executable, "-c", "raise SystemExit('no such thing')"))

    with pytest.raises(YahooUnavailable, match="no such thing"):
        broken.daily("ACME")


def test_a_process_that_never_stops_talking_is_ended_and_its_words_are_not_kept():
    talking = YahooFinance((sys.executable, "-c", "while True: print('x' * 100_000)"), limit_seconds=600)

    with pytest.raises(YahooUnavailable, match="no list of daily prices"):
        talking.daily("ACME")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "no JSON", "[" * 100_000, '{"days": []}', '{"days": ["soon"]}',
     json.dumps({"days": ["2024-01-02"], **{key: [] for key in COLUMNS}}),
     json.dumps({"days": [["2024-01-02"]], **{key: [[1.0]] for key in COLUMNS}}),
     json.dumps({"days": ["2024-01-02"], **{key: ["x"] for key in COLUMNS}})],
    ids=["nothing", "a list", "a text", "deep", "no columns", "no day", "lengths differ", "two dimensions", "no number"],
)  # fmt: skip
def test_an_answer_that_is_no_list_of_prices_is_refused(tmp_path, text):
    (tmp_path / "answer").write_text(text)
    script = f"print(open({str(tmp_path / 'answer')!r}).read())"

    with pytest.raises(YahooUnavailable, match="no list of daily prices"):
        YahooFinance((sys.executable, "-c", script)).daily("ACME")


def test_the_process_that_asks_yahoo_sees_how_to_reach_the_network_and_no_credential(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://user:secret@db/backtest")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    script = "import json, os; print(json.dumps({'error': 'unknown', 'message': ' '.join(os.environ)}))"

    with pytest.raises(UnknownToYahoo) as told:
        YahooFinance((sys.executable, "-c", script)).daily("ACME")

    assert "HTTPS_PROXY" in str(told.value)
    assert "DATABASE_URL" not in str(told.value)


def test_asking_yahoo_loads_nothing_heavy_into_the_page():
    script = "import sys, web; sys.exit(', '.join({'pandas', 'yfinance'} & set(sys.modules)) or 0)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.fixture
def browsing(filled_database):
    """A client of a page whose Yahoo is a fake with these traits."""

    def browsing(**traits):
        settings = replace(Settings(), database_url=str(filled_database.engine.url))
        return create_app(settings, database=filled_database, yahoo=FakeYahoo(**traits)).test_client()

    return browsing


def test_an_import_is_adjusted_certified_and_can_be_run_on(browsing):
    client = browsing()

    answer = client.post("/api/datasets/yahoo", json={"symbol": " acme "})

    assert (answer.status_code, answer.json["symbol"], answer.json["bars"]) == (201, "ACME", 3)
    assert (answer.json["source"], answer.json["first_bar"]) == ("Yahoo Finance", "2024-01-02")
    assert answer.json["certificate"]["suspected_splits"]["count"] == 0


def test_an_import_on_the_page_leads_to_its_certificate(browsing):
    answer = browsing().post("/datasets/yahoo", data={"yahoo_symbol": "ACME"}, headers=PAGE)

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/datasets/")


@pytest.mark.parametrize("symbol", ["", "A B", "../x", "-A", "É", "A" * 33, None, 7, ["ACME"]])
def test_what_is_no_symbol_is_refused_before_yahoo_is_asked(filled_database, symbol):
    fake = FakeYahoo()
    settings = replace(Settings(), database_url=str(filled_database.engine.url))
    client = create_app(settings, database=filled_database, yahoo=fake).test_client()

    answer = client.post("/api/datasets/yahoo", json={"symbol": symbol})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "symbol")
    assert fake.asked == []


@pytest.mark.parametrize(
    ("traits", "symbol", "status", "message"),
    [
        ({}, "NOSUCH", 400, "no daily prices for"),
        ({"unavailable": True}, "ACME", 503, "is unreachable"),
        ({"installed": False}, "ACME", 501, "optional package"),
    ],
    ids=["unknown", "no network", "not installed"],
)
def test_each_reason_for_no_prices_has_its_status_and_is_shown(browsing, traits, symbol, status, message):
    client = browsing(**traits)

    problem = client.post("/api/datasets/yahoo", json={"symbol": symbol})
    page = client.post("/datasets/yahoo", data={"yahoo_symbol": symbol}, headers=PAGE)

    assert (problem.status_code, page.status_code) == (status, status)
    assert message in problem.json["detail"]
    assert "Import failed; nothing saved." in page.text or "pip install" in page.text
    assert np.all([name not in page.text for name in ("Traceback", "/usr/lib")])


def test_the_page_says_how_to_install_what_is_missing(browsing):
    page = browsing(installed=False).get("/datasets", headers=PAGE).text

    assert "pip install" in page
    assert 'name="yahoo_symbol"' not in page
