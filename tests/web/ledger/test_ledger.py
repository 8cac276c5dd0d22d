"""Everything that was tried: the figure beside each result, the page and the JSON of the ledger, on both databases."""

import re
from datetime import UTC, datetime

import pytest

from backtest.metrics.probability import normal_cdf
from store.queries.studies import ledger
from store.session import Database
from tests.web.conftest import PAGE, SMALLEST, complete, with_a_result

MARK = ledger.fingerprint("MOVING_AVERAGE_CROSS", ["SP500"], "1d")


@pytest.fixture
def product(database_url):
    """The database, a client, and the id of a finished run."""
    with with_a_result(database_url) as (app, run_id):
        database = Database.open(database_url)
        yield database, app.test_client(), run_id
        database.close()


def run(database, client, **changes):
    run_id = client.post("/run_backtest", json=SMALLEST | changes).json["run_id"]
    complete(database, run_id)
    return run_id


def test_each_result_says_how_many_trials_were_made_on_its_rule_and_data_and_a_repetition_counts_once(
    product,
):
    database, client, first = product
    run(database, client)
    run(database, client, params={"fast": 12, "slow": 40})
    run(database, client, rule_type="RSI", params={})

    page = client.get(f"/runs/{first}", headers=PAGE).text
    stated = client.get(f"/runs/{first}/result.json").json["ledger"]

    line = re.search(r'<p class="small" id="tried">(.*?)</p>', page)[1]
    assert f'<a href="/ledger/{MARK}">2 trials</a> have been made on this rule and data' in line
    assert (stated["fingerprint"], stated["trials"]) == (MARK, 2)
    assert 0 < stated["deflated_sharpe_ratio"] < 1
    assert stated["variance"] > 0


def test_the_more_is_tried_the_less_a_sharpe_ratio_is_worth(product):
    database, client, run_id = product
    alone = client.get(f"/runs/{run_id}/result.json").json
    with database.write() as session:
        many = ledger.Tried(5_000, 0.0, 0.02**2)
        ledger.record(session, many, rule_type="MOVING_AVERAGE_CROSS", symbols=["SP500"], timeframe="1d",
                      request_hash="a study", source="a study", now=datetime.now(UTC))  # fmt: skip

    among = client.get(f"/runs/{run_id}/result.json").json["ledger"]

    assert alone["ledger"]["deflated_sharpe_ratio"] == pytest.approx(alone["result"]["metrics"]["psr"])
    assert among["trials"] == 5_001
    assert among["deflated_sharpe_ratio"] < normal_cdf(-1)


def test_the_page_and_the_json_list_what_was_tried_and_lead_to_each_study_and_run(product):
    database, client, run_id = product
    other = run(database, client, params={"fast": 12, "slow": 40})
    run(database, client, rule_type="RSI", params={})
    client.delete(f"/api/runs/{other}")

    listed = client.get("/api/ledger").json
    one = client.get(f"/api/ledger/{MARK}").json
    pages = client.get("/ledger", headers=PAGE).text, client.get(f"/ledger/{MARK}", headers=PAGE).text

    assert [(pool["rule_type"], pool["trials"], pool["requests"]) for pool in listed["tried"]] == [
        ("RSI", 1, 1),
        ("MOVING_AVERAGE_CROSS", 2, 2),
    ]
    assert listed["next"] is None
    assert [(entry["source"], entry["kind"]) for entry in one["sources"]] == [(other, None), (run_id, "run")]
    assert "SP500 · Moving average cross" in pages[0]
    assert f'href="/runs/{run_id}"' in pages[1]
    assert f"{other[:8]}, deleted since" in pages[1]
    assert client.get("/ledger/unknown", headers=PAGE).status_code == 404


def test_a_long_ledger_is_read_in_pages(product):
    database, client, _ = product
    with database.write() as session:
        for number in range(60):
            ledger.record(session, ledger.Tried(1, 0.0, 0.0), rule_type="RSI", symbols=[f"S{number}"],
                          timeframe="1d", request_hash="r", source="r", now=datetime.now(UTC))  # fmt: skip

    first = client.get("/api/ledger").json
    second = client.get(first["next"]).json

    assert [pool["symbols"] for pool in first["tried"][:2]] == [["S59"], ["S58"]]
    assert (len(first["tried"]), len(second["tried"]), second["next"]) == (50, 11, None)
