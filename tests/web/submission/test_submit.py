"""Submitting: what is taken, what is refused, and that nothing happens twice."""

import json

import pytest
from sqlalchemy import select

from backtest.prices.dataset import Dataset
from store.models import Run
from store.queries import datasets, run_list
from tests.web.conftest import PAGE, SMALLEST
from web.submission.form import EXAMPLE

FORM = {
    "symbols": "SP500", "rule_type": "MOVING_AVERAGE_CROSS", "params.fast": "10", "params.slow": "30",
    "start_date": "2009-01-02", "end_date": "2018-12-31", "fee_rate": "0.001",
}  # fmt: skip


def stored(filled_database):
    with filled_database.read() as session:
        return sum(run_list.count_by_status(session).values())


def test_the_smallest_request_is_queued_and_says_where_to_watch(client, filled_database):
    answer = client.post("/run_backtest", json=SMALLEST)

    assert answer.status_code == 202
    assert answer.json["status"] == "PENDING"
    assert answer.json["links"]["status"] == f"/status/{answer.json['run_id']}"
    assert stored(filled_database) == 1


def test_symbols_are_found_in_any_case_and_stored_in_their_own(client, filled_database):
    answer = client.post(
        "/run_backtest", json=SMALLEST | {"symbols": ["sp500", "Goog"], "benchmark": "nasdaq"}
    )

    with filled_database.read() as session:
        run = session.get(Run, answer.json["run_id"])
        assert (run.symbols, run.benchmark) == (["SP500", "GOOG"], "NASDAQ")
        assert set(run.data_hashes) == {"SP500", "GOOG", "NASDAQ"}


def test_one_symbol_in_two_cases_is_refused(client, filled_database):
    answer = client.post("/run_backtest", json=SMALLEST | {"symbols": ["sp500", "SP500"]})

    assert answer.status_code == 400
    assert "must not contain a symbol more than once, got sp500, SP500" in answer.text


def test_null_and_numbers_of_unclear_unit_are_refused_and_those_of_a_clear_one_are_read(
    client, filled_database
):
    refused = client.post("/run_backtest", json=SMALLEST | {"fee_rate": None, "slippage_bps": "5%"})
    taken = client.post("/run_backtest", json=SMALLEST | {"fee_rate": "0.1%", "initial_capital": "$50,000"})

    assert refused.status_code == 400
    assert "leave it out for the default, 0.001" in refused.text
    assert "its unit is bps; 1% is 100 bps" in refused.text
    with filled_database.read() as session:
        run = session.get(Run, taken.json["run_id"])
        assert (run.fee_rate, run.initial_capital) == (0.001, 50_000)


def test_the_same_run_id_twice_is_one_run(client, filled_database):
    request = SMALLEST | {"run_id": "0b4b0e0a-7f4e-4f0c-9a53-0c3c9e3d3b11"}

    first, second = client.post("/run_backtest", json=request), client.post("/run_backtest", json=request)

    assert first.json["run_id"] == second.json["run_id"] == request["run_id"]
    assert stored(filled_database) == 1


def test_the_same_idempotency_key_twice_is_one_run_and_for_something_else_a_conflict(client, filled_database):
    headers = {"Idempotency-Key": "monday-1"}

    first = client.post("/run_backtest", json=SMALLEST, headers=headers)
    again = client.post("/run_backtest", json=SMALLEST, headers=headers)
    other = client.post("/run_backtest", json=SMALLEST | {"size": 50}, headers=headers)

    assert first.json["run_id"] == again.json["run_id"]
    assert (other.status_code, other.mimetype) == (409, "application/problem+json")
    assert stored(filled_database) == 1


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"symbols": ["SP5000"]}, "symbols", "did you mean SP500"),
        ({"start_date": "2019-01-01", "end_date": "2018-01-01"}, "end_date", "after start date (2019-01-01)"),
        ({"start_date": "1970-01-01", "end_date": "1971-01-01"}, "end_date", "1999-01-04"),
        ({"rule_type": "MAGIC"}, "rule_type", "MOVING_AVERAGE_CROSS"),
        ({"params": {"fast": 0, "slow": 30}}, "params.fast", "from 1 up to 5000"),
        ({"params": {"fats": 3}}, "params.fats", "did you mean fast"),
        ({"fee": 0.1}, "fee", "did you mean fee"),
        ({"initial_capital": "plenty"}, "initial_capital", "a number above 0"),
        ({"initial_capital": -5}, "initial_capital", "above 0"),
        ({"size_type": "lots"}, "size_type", "percent, value, shares"),
        ({"run_id": "1"}, "run_id", "UUID"),
    ],
)
def test_a_mistake_is_named_with_its_field_and_what_is_allowed_and_nothing_is_stored(
    client, filled_database, changes, field, message
):
    answer = client.post("/run_backtest", json=SMALLEST | changes)

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    wrong = {error["field"]: error["message"] for error in answer.json["errors"]}
    assert message in wrong[field]
    assert stored(filled_database) == 0


def test_every_mistake_is_told_at_once(client):
    answer = client.post("/run_backtest", json={"symbols": [], "rule_type": "RSI", "size": -1})

    assert {error["field"] for error in answer.json["errors"]} == {
        "symbols",
        "start_date",
        "end_date",
        "size",
    }


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"\xff\xfe", b'{"a": NaN}', b'{"symbols": ["\\ud800"]}', b"[" * 100_000],
    ids=["cut", "list", "null", "encoding", "nan", "surrogate", "deep"],
)
def test_a_body_that_is_no_json_object_is_the_callers_mistake(client, body):
    answer = client.post("/run_backtest", data=body, content_type="application/json")

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


def test_a_body_of_another_kind_is_refused_with_415(client):
    answer = client.post("/run_backtest", data="symbols=SP500", content_type="text/plain")

    assert answer.status_code == 415


def test_a_request_of_two_megabytes_is_refused_with_413(client):
    answer = client.post("/run_backtest", data=b" " * 2_000_000, content_type="application/json")

    assert answer.status_code == 413


def test_a_form_is_sent_on_to_the_page_of_its_run(client, filled_database):
    answer = client.post("/run_backtest", data=FORM, headers=PAGE)

    assert answer.status_code == 303
    assert answer.location.startswith("/runs/")
    assert stored(filled_database) == 1


def test_a_wrong_form_comes_back_with_the_message_and_everything_typed(client, filled_database):
    answer = client.post("/run_backtest", data=FORM | {"params.fast": "99", "fee_rate": "lots"}, headers=PAGE)

    assert answer.status_code == 400
    assert 'value="99"' in answer.text
    assert 'value="lots"' in answer.text
    assert "must be smaller than slow (30), got 99" in answer.text
    assert stored(filled_database) == 0


def test_what_is_typed_into_a_form_is_never_markup(client):
    nasty = "<script>alert(1)</script>"

    answer = client.post(
        "/run_backtest", data=FORM | {"symbols": nasty, "fee_rate": nasty, "run_id": nasty}, headers=PAGE
    )

    assert answer.status_code == 400
    assert "<script>alert" not in answer.text


def test_a_form_sent_from_another_site_is_refused(client, filled_database):
    answer = client.post("/run_backtest", data=FORM, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert stored(filled_database) == 0


def test_a_check_says_what_would_happen_and_stores_nothing(client, filled_database):
    plan = client.post("/api/check", json=dict(EXAMPLE)).json

    assert (plan["ok"], plan["bars"], plan["first_bar"]) == (True, 2516, "2009-01-02")
    assert stored(filled_database) == 0


def test_a_wrong_formula_is_pointed_at_before_submitting(client):
    request = dict(EXAMPLE) | {
        "rule_type": "EXPRESSION",
        "params": {"entry": "close > smaa(close, 5)", "exit": "close < 1"},
    }

    found = client.post("/api/check", json=request).json

    assert found["ok"] is False
    assert [(error["field"], error["line"], error["column"]) for error in found["errors"]] == [
        ("params.entry", 1, 9)
    ]


def test_a_symbol_without_prices_is_told_what_there_is_in_whole_sentences(client):
    answers = [client.post("/run_backtest", json=SMALLEST | {"symbols": [name]}) for name in ("XYZQ", "SP50")]

    assert [answer.json["errors"][0]["message"] for answer in answers] == [
        "No price data for XYZQ. Available: GOOG, NASDAQ, SP500",
        "No price data for SP50; did you mean SP500? Available: GOOG, NASDAQ, SP500",
    ]


def test_submitting_and_checking_read_no_price(client, monkeypatch):
    monkeypatch.setattr(Dataset, "decode", lambda _payload: pytest.fail("prices were decoded"))
    request = SMALLEST | {"symbols": ["GOOG", "NASDAQ"], "benchmark": "SP500"}

    checked = client.post("/api/check", json=request)
    submitted = client.post("/run_backtest", json=request)

    assert checked.json["ok"] is True
    assert submitted.status_code == 202


def test_a_check_of_symbols_as_they_are_stored_asks_for_datasets_once(client, monkeypatch):
    client.post("/api/check", json=SMALLEST)  # calendars are kept from now on
    monkeypatch.setattr(datasets, "spellings", lambda *_: pytest.fail("spellings were looked for"))

    assert client.post("/api/check", json=SMALLEST).json["ok"] is True


@pytest.mark.parametrize("symbol", ["sp500", "Sp500"])
def test_a_symbol_in_another_case_is_checked_and_submitted_as_it_is_stored(client, filled_database, symbol):
    assert client.post("/api/check", json=SMALLEST | {"symbols": [symbol]}).json["ok"] is True
    assert client.post("/run_backtest", json=SMALLEST | {"symbols": [symbol]}).status_code == 202
    with filled_database.read() as session:
        assert session.scalars(select(Run.symbols)).all() == [["SP500"]]


def test_a_rule_that_reads_volume_is_refused_before_it_starts_where_there_is_none(client, filled_database):
    rows = "".join(f"2018-03-{day:02d},10,11,9,10.5\n" for day in range(1, 29))
    file = {"data": f"date,open,high,low,close\n{rows}", "content_type": "text/csv"}
    assert client.post("/api/datasets?symbol=FX", **file).status_code == 201
    request = SMALLEST | {"symbols": ["SP500", "FX"], "start_date": "2018-03-01", "end_date": "2018-03-28"}
    formula = {"rule_type": "EXPRESSION", "params": {"entry": "volume > sma(volume, 5)"}}

    refused = client.post("/run_backtest", json=request | formula)

    assert refused.status_code == 400
    assert "the volume of FX is unknown on all of its 28 bars" in refused.json["errors"][0]["message"]
    assert client.post("/api/check", json=request | formula).json["ok"] is False
    assert stored(filled_database) == 0
    allowed = request | {"rule_type": "EXPRESSION", "params": {"entry": "close > sma(close, 5)"}}
    assert client.post("/run_backtest", json=allowed).status_code == 202


def test_similar_names_are_looked_for_only_for_the_first_unknown_symbols(client):
    answer = client.post(
        "/run_backtest", json=SMALLEST | {"symbols": [f"SP500{place}" for place in range(8)]}
    )

    hinted = ["did you mean SP500?" in error["message"] for error in answer.json["errors"]]
    assert hinted == [True] * 5 + [False] * 3


def test_a_request_padded_with_a_megabyte_leaves_a_row_without_it(client, filled_database):
    padded = SMALLEST | {"symbols": " " * 500_000 + "SP500" + " " * 400_000}

    answer = client.post("/run_backtest", json=padded)

    assert answer.status_code == 202
    with filled_database.read() as session:
        received = session.get(Run, answer.json["run_id"]).received
    assert received["symbols"] == ["SP500"]
    assert len(json.dumps(received)) < 2_000
