"""A suspected split is offered on the page of its dataset, and applied as a new version."""

import pytest

from store.queries import audit, datasets
from store.queries.audit import Filter
from tests.backtest.run.test_data_warnings import split_prices
from tests.store.builders import NOON
from tests.web.conftest import PAGE


@pytest.fixture
def stored(filled_database):
    """Prices with a split of four for one on bar 60 that nobody adjusted."""
    prices = split_prices()
    with filled_database.write() as session:
        datasets.add(session, prices, now=NOON)
    return prices


def test_the_page_offers_the_suspected_split_and_its_button_makes_a_new_version(client, stored):
    day = str(stored.bars.times[60])[:10]
    page = client.get(f"/datasets/{stored.data_hash}", headers=PAGE).text
    assert f'name="date" value="{day}"' in page
    assert "Apply the 4:1 split of" in page

    answer = client.post(
        f"/datasets/{stored.data_hash}/splits", data={"date": day, "ratio": "4:1"}, headers=PAGE
    )

    assert answer.status_code == 303
    after = client.get(answer.location, headers=PAGE).text
    assert "is applied: prices before it are divided, volumes multiplied." in after
    assert "Apply the 4:1 split" not in after


def test_the_interface_applies_it_once_and_records_it(client, filled_database, stored):
    split = {"date": str(stored.bars.times[60])[:10], "ratio": "4:1"}
    path = f"/api/datasets/{stored.data_hash}/splits"

    first, second = (client.post(path, json=split) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["data_hash"] == second.json["data_hash"] != stored.data_hash
    assert first.json["certificate"]["applied_splits"] == [split]
    assert first.json["certificate"]["suspected_splits"]["count"] == 0
    with filled_database.read() as session:
        assert datasets.current_of(session, ["AAA"])["AAA"].data_hash == first.json["data_hash"]
        assert datasets.load(session, stored.data_hash).data_hash == stored.data_hash
        newest, _ = audit.page(session, Filter(action="dataset.split"), before=None, limit=5)
    assert [entry.target_id for entry in newest] == [first.json["data_hash"]] * 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"date": "2024-02-01", "ratio": "4"}, "ratio"),
        ({"date": "1999-02-01", "ratio": "4:1"}, "date"),
        ({"ratio": "4:1"}, "date"),
        ({"date": "2024-02-01", "ratio": "4:1", "symbol": "AAA"}, "symbol"),
    ],
)
def test_a_split_that_cannot_be_applied_is_refused_by_field(client, stored, body, field):
    answer = client.post(f"/api/datasets/{stored.data_hash}/splits", json=body)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_an_unknown_dataset_has_no_split(client):
    assert (
        client.post(
            f"/api/datasets/{'0' * 64}/splits", json={"date": "2024-02-01", "ratio": "2:1"}
        ).status_code
        == 404
    )
