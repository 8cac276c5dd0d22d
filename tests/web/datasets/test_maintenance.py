"""Symbols are renamed, refreshed and deleted; runs that pinned their prices keep them."""

from dataclasses import replace

import pytest

from config.settings import Settings
from store.queries import audit, datasets, runs
from store.queries.audit import Filter
from tests.web.conftest import PAGE, SMALLEST, complete
from tests.web.yahoo_stubs import FakeYahoo
from web.application import create_app
from web.auth.authorization import required_scope


def sample(client):
    """The symbol of the smallest request, as the list of datasets shows it."""
    (symbol,) = SMALLEST["symbols"]
    return next(row for row in listed(client) if row["symbol"] == symbol)


def listed(client):
    return client.get("/api/datasets").json["datasets"]


def entries(database, action):
    with database.read() as session:
        return [
            (entry.target_id, entry.detail)
            for entry in audit.page(session, Filter(action=action), before=None, limit=5)[0]
        ]


def test_a_deleted_symbol_leaves_lists_and_new_runs_and_a_run_that_pinned_it_still_executes(
    client, submit, filled_database
):
    stored = sample(client)
    run_id = submit()

    answer = client.delete(f"/api/datasets/{stored['data_hash']}")

    assert answer.status_code == 204
    assert stored["symbol"] not in [row["symbol"] for row in listed(client)]
    refused = client.post("/run_backtest", json=SMALLEST)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (400, "symbols")
    assert f"No price data for {stored['symbol']}" in refused.json["errors"][0]["message"]
    complete(filled_database, run_id)
    assert client.get(f"/status/{run_id}").json["status"] == "SUCCEEDED"
    page = client.get(f"/datasets/{stored['data_hash']}", headers=PAGE).text
    assert "is deleted. Runs that used these prices keep them" in page
    assert "/rename" not in page
    ((target, detail),) = entries(filled_database, "dataset.delete")
    assert (target, detail["symbol"], detail["versions"]) == (stored["data_hash"], stored["symbol"], 1)
    assert client.delete(f"/api/datasets/{stored['data_hash']}").status_code == 409


def test_a_deleted_symbol_comes_back_by_bringing_in_its_prices_again(client, filled_database):
    stored = sample(client)
    with filled_database.read() as session:
        prices = datasets.load(session, stored["data_hash"])
    client.delete(f"/api/datasets/{stored['data_hash']}")

    with filled_database.write() as session:
        datasets.add(session, prices, now=datasets.get(session, stored["data_hash"]).created_at)

    assert sample(client)["data_hash"] == stored["data_hash"]


def test_a_renamed_symbol_has_the_same_bars_and_its_runs_keep_the_former_name(
    client, submit, filled_database
):
    stored, run_id = sample(client), submit()

    answer = client.patch(f"/api/datasets/{stored['data_hash']}", json={"symbol": "NEWNAME"})

    assert (answer.status_code, answer.json["symbol"], answer.json["bars"]) == (
        200,
        "NEWNAME",
        stored["bars"],
    )
    names = [row["symbol"] for row in listed(client)]
    assert "NEWNAME" in names
    assert stored["symbol"] not in names
    with filled_database.read() as session:
        assert runs.get(session, run_id).data_hashes == {stored["symbol"]: stored["data_hash"]}
        old, new = (datasets.load(session, each) for each in (stored["data_hash"], answer.json["data_hash"]))
    assert (old.bars.close == new.bars.close).all()
    ((target, detail),) = entries(filled_database, "dataset.rename")
    assert (target, detail["former"]) == (answer.json["data_hash"], stored["symbol"])


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"symbol": "A B"}, 400), ({"symbol": "X", "more": 1}, 400), ({"symbol": 5}, 400)],
)
def test_a_rename_to_what_is_no_symbol_is_refused(client, body, status):
    path = f"/api/datasets/{sample(client)['data_hash']}"

    assert client.patch(path, json=body).status_code == status


def test_a_rename_to_a_symbol_that_has_prices_is_refused_and_changes_nothing(client):
    first, second, *_ = before = listed(client)

    answer = client.patch(f"/api/datasets/{first['data_hash']}", json={"symbol": second["symbol"]})

    assert (answer.status_code, second["symbol"] in answer.json["detail"]) == (409, True)
    assert listed(client) == before


def test_a_symbol_of_yahoo_is_refreshed_under_its_new_name(filled_database):
    settings = replace(Settings(), database_url=str(filled_database.engine.url))
    yahoo = FakeYahoo()
    client = create_app(settings, database=filled_database, yahoo=yahoo).test_client()
    first = client.post("/api/datasets/yahoo", json={"symbol": "ACME"}).json
    other = client.patch(f"/api/datasets/{first['data_hash']}", json={"symbol": "MINE"}).json

    answer = client.post(f"/api/datasets/{other['data_hash']}/refresh")

    assert (answer.status_code, answer.json["symbol"]) == (201, "MINE")
    assert answer.json["data_hash"] == other["data_hash"]
    assert (answer.json["source"], yahoo.asked) == ("Yahoo Finance, symbol ACME", ["ACME", "ACME"])
    assert [target for target, _ in entries(filled_database, "dataset.refresh")] == [other["data_hash"]]
    page = client.get(f"/datasets/{other['data_hash']}", headers=PAGE).text
    assert "Refresh from Yahoo" in page


def test_a_symbol_that_is_not_from_yahoo_cannot_be_refreshed(client):
    stored = sample(client)

    answer = client.post(f"/api/datasets/{stored['data_hash']}/refresh")

    assert (answer.status_code, "upload it again" in answer.json["detail"]) == (409, True)
    assert "Refresh from Yahoo" not in client.get(f"/datasets/{stored['data_hash']}", headers=PAGE).text


def test_the_forms_of_the_page_rename_and_delete(client):
    stored = sample(client)

    renamed = client.post(f"/datasets/{stored['data_hash']}/rename", data={"symbol": "NEWNAME"}, headers=PAGE)
    assert renamed.status_code == 303
    deleted = client.post(f"{renamed.location}/delete", headers=PAGE)

    assert (deleted.status_code, deleted.location) == (303, "/datasets")
    assert {"NEWNAME", stored["symbol"]} & {row["symbol"] for row in listed(client)} == set()


def test_rename_and_delete_need_the_scope_of_an_admin_and_refresh_that_of_a_submitter():
    scopes = {
        name: str(required_scope(f"maintenance.{name}", "POST"))
        for name in ("rename", "rename_by_form", "delete", "delete_by_form", "refresh", "refresh_by_form")
    }

    assert list(scopes.values()) == ["admin"] * 4 + ["submit"] * 2


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_an_unknown_dataset_is_not_found(client, method):
    answer = getattr(client, method)(f"/api/datasets/{'0' * 64}", json={"symbol": "X"})

    assert answer.status_code == 404
