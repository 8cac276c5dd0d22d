"""What the form shows of formulas while they are written."""

import numpy as np
import pytest

from backtest.expression import Formula
from backtest.rules import Prices
from store.queries import datasets
from tests.web.conftest import SMALLEST

SPAN = (np.datetime64("2009-01-02"), np.datetime64("2019-01-01"))
ENTRY = "rsi(close, 2) < 10 and close > sma(close, 200)"


def asked(client, **params):
    return client.post("/api/preview", json=SMALLEST | {"rule_type": "EXPRESSION", "params": params})


def test_each_formula_and_each_clause_says_on_how_many_bars_it_is_true(client, filled_database):
    with filled_database.read() as session:
        hashed = datasets.current_of(session, ["SP500"])["SP500"].data_hash
        bars = datasets.load(session, hashed).bars
    ten_years = slice(*(bars.times.searchsorted(day) for day in SPAN))

    def true_on(formula):
        return int(Formula.read(formula).holds(Prices(bars, 0))[ten_years].sum())

    found = asked(client, entry=ENTRY, exit="rsi(close, 2) > 60").json

    assert (found["ok"], found["symbol"], found["bars"]) == (True, "SP500", 2516)
    assert (found["first_bar"], found["last_bar"]) == ("2009-01-02", "2018-12-31")
    entry, leave = found["formulas"]
    assert (entry["field"], entry["true_on"]) == ("params.entry", true_on(ENTRY))
    assert entry["clauses"] == [
        {"text": "rsi(close, 2) < 10", "true_on": true_on("rsi(close, 2) < 10")},
        {"text": "close > sma(close, 200)", "true_on": true_on("close > sma(close, 200)")},
    ]
    assert leave == {
        "field": "params.exit", "true_on": true_on("rsi(close, 2) > 60"), "ticks": leave["ticks"], "clauses": [],
    }  # fmt: skip
    assert sum(entry["ticks"]) == entry["true_on"]
    assert len(entry["ticks"]) == len(found["close"]) == 240


def test_no_price_is_decoded_by_the_web(client, monkeypatch):
    monkeypatch.setattr("backtest.prices.dataset.Dataset.decode", pytest.fail)

    assert asked(client, entry="close > 0").json["formulas"][0]["true_on"] == 2516


def test_mistakes_are_told_as_a_submission_would_tell_them(client):
    found = asked(client, entry="close > sma(close, 0)").json

    assert found["ok"] is False
    assert found["errors"][0]["field"] == "params.entry"
    assert found["errors"][0]["column"] == 20


def test_only_the_rule_of_formulas_is_previewed(client):
    found = client.post("/api/preview", json=SMALLEST).json

    assert found["ok"] is False
    assert found["errors"][0]["field"] == "rule_type"


def test_the_form_itself_can_be_sent(client):
    form = {"symbols": "sp500", "rule_type": "EXPRESSION", "params.entry": "close > n", "params.constants": "n=0",
            "start_date": "2018-12-28", "end_date": "2018-12-31"}  # fmt: skip

    found = client.post("/api/preview", data=form).json

    assert [entry["true_on"] for entry in found["formulas"]] == [found["bars"]] == [2]
