"""Datasets: stored once by their content, the newest of a symbol is the current one."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from backtest.prices.library import Library
from store.errors import DamagedDataset, UnknownDataset
from store.models import StoredDataset
from store.queries import datasets
from tests.backtest.price_bars import dataset
from tests.store.builders import NOON

LATER = NOON + timedelta(hours=1)
LAST = NOON + timedelta(hours=2)


def added(database, prices, now=NOON):
    with database.write() as session:
        return datasets.add(session, prices, now=now).data_hash


def count(database):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(StoredDataset))


def test_prices_come_back_with_every_bit_and_under_the_same_name(database):
    prices = dataset([100, 101.1, 99.7])

    data_hash = added(database, prices)

    with database.read() as session:
        loaded = datasets.load(session, data_hash)
    assert data_hash == prices.data_hash == loaded.data_hash
    assert loaded.bars.close.tobytes() == prices.bars.close.tobytes()


def test_what_is_told_about_a_dataset_is_what_it_holds(database):
    prices = dataset([100, 101, 102])

    added(database, prices)

    with database.read() as session:
        stored = datasets.current_of(session, ["AAA"])["AAA"]
    assert (stored.symbol, stored.timeframe, stored.bars, stored.created_at) == ("AAA", "1d", 3, NOON)
    assert stored.first_bar.date().isoformat() == str(prices.bars.times[0])[:10]
    assert stored.last_bar.date().isoformat() == str(prices.bars.times[-1])[:10]


def test_the_same_content_twice_is_kept_once(database):
    added(database, dataset([100, 101]))
    added(database, dataset([100, 101]), LATER)

    assert count(database) == 1


def test_a_correction_becomes_current_and_the_version_before_can_still_be_loaded(database):
    first = added(database, dataset([100, 101]))
    second = added(database, dataset([100, 102]), LATER)

    with database.read() as session:
        current = [stored.data_hash for stored in datasets.current(session)]
        versions = [stored.data_hash for stored in datasets.versions(session, "AAA")]
        old = datasets.load(session, first)
    assert current == [second]
    assert versions == [second, first]
    assert old.bars.close[-1, 0] == 101


def test_content_that_is_imported_again_becomes_current_again(database):
    first = added(database, dataset([100, 101]))
    added(database, dataset([100, 102]), LATER)
    added(database, dataset([100, 101]), LAST)

    with database.read() as session:
        assert datasets.current_of(session, ["AAA"])["AAA"].data_hash == first
    assert count(database) == 2


def test_symbols_are_listed_by_name_searched_without_regard_to_case_and_limited(database):
    for symbol in ("SP500", "GOOG", "GOLD"):
        added(database, dataset([100, 101], symbol=symbol))

    def listed(**wanted):
        with database.read() as session:
            return [stored.symbol for stored in datasets.current(session, **wanted)]

    assert listed() == ["GOLD", "GOOG", "SP500"]
    assert listed(text="go") == ["GOLD", "GOOG"]
    assert listed(limit=1) == ["GOLD"]
    assert listed(text="%") == listed(text="_") == []


def test_symbols_that_differ_in_case_are_different_symbols(database):
    upper = added(database, dataset([100, 101], symbol="BRK"))
    lower = added(database, dataset([100, 101], symbol="brk"))

    with database.read() as session:
        hashes = [datasets.current_of(session, [symbol])[symbol].data_hash for symbol in ("BRK", "brk")]
    assert hashes == [upper, lower]


def test_what_is_not_there_is_none_or_an_error_of_its_own(database):
    with database.read() as session:
        assert datasets.current_of(session, ["NONE"]) == {}
        assert datasets.versions(session, "NONE") == []
        with pytest.raises(UnknownDataset, match="there is no dataset abc"):
            datasets.load(session, "abc")


def test_a_certificate_is_kept_beside_the_prices(database):
    with database.write() as session:
        datasets.add(session, dataset([100, 101]), now=NOON)

    with database.read() as session:
        certificate = datasets.current_of(session, ["AAA"])["AAA"].certificate
    assert certificate["bars"] == 2
    assert certificate["gaps"] == {"count": 0, "listed": []}


def test_a_library_is_taken_over_once(database, tmp_path):
    library = Library(tmp_path)
    library.add(dataset([100, 101], symbol="MINE"))

    def synced():
        with database.write() as session:
            return datasets.sync(session, library, now=NOON)

    first, second = synced(), synced()
    assert "MINE" in first
    assert second == []


@pytest.mark.parametrize(
    "others", [dataset([100, 102]).encode(), dataset([100, 101], symbol="BBB").encode(), b"x"]
)
def test_prices_other_than_their_hash_names_are_never_loaded_and_importing_them_again_heals(database, others):
    prices = dataset([100, 101])
    data_hash = added(database, prices)
    with database.write() as session:
        session.execute(update(StoredDataset).values(payload=others))

    with database.read() as session, pytest.raises(DamagedDataset, match="import AAA again"):
        datasets.load(session, data_hash)

    added(database, prices)
    with database.read() as session:
        assert datasets.load(session, data_hash).data_hash == data_hash
