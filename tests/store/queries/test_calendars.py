"""Calendars are read without prices, once for each content."""

import numpy as np
import pytest
from sqlalchemy import event, update

from backtest.prices.dataset import Dataset, InvalidPayload, decode_times
from store.errors import DamagedDataset
from store.models import StoredDataset
from store.queries import calendars, datasets
from tests.backtest.price_bars import dataset, walk
from tests.store.builders import NOON


def stored(database, *prices):
    with database.write() as session:
        for each in prices:
            datasets.add(session, each, now=NOON)


def read(database, *symbols):
    """The calendars of these symbols, and the statements that were sent for them."""
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.read() as session:
            current = datasets.current_of(session, symbols)
            found = calendars.of(session, current.values())
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return found, [statement for statement in statements if "datasets" in statement]


@pytest.fixture(autouse=True)
def nothing_kept():
    calendars._kept.clear()


def test_a_calendar_is_the_times_of_its_prices_and_their_name(database):
    prices = dataset(walk(6_300), symbol="DAILY")
    stored(database, prices)

    found, _ = read(database, "DAILY")

    calendar = found["DAILY"]
    assert calendar.times.tolist() == prices.bars.times.tolist()
    assert (calendar.symbol, calendar.timeframe, calendar.data_hash) == ("DAILY", "1d", prices.data_hash)


def test_times_that_nothing_can_compress_are_read_in_full(database):
    steps = np.random.default_rng(3).integers(1, 1 << 20, 200_000)
    prices = dataset(walk(200_000), times=np.cumsum(steps).astype("datetime64[s]"), timeframe="1m")
    stored(database, prices)

    found, _ = read(database, "AAA")

    assert np.array_equal(found["AAA"].times, prices.bars.times)


def test_ten_symbols_take_two_statements_and_one_once_they_are_known(database):
    names = [f"S{number}" for number in range(10)]
    stored(database, *(dataset([100, 101 + number], symbol=name) for number, name in enumerate(names)))

    _, first = read(database, *names)
    found, second = read(database, *names)

    assert sorted(found) == sorted(names)
    assert (len(first), len(second)) == (2, 1)


def test_no_price_is_decoded_for_a_calendar(database, monkeypatch):
    stored(database, dataset(walk(500)))
    monkeypatch.setattr(Dataset, "decode", lambda _payload: pytest.fail("prices were decoded"))

    found, _ = read(database, "AAA")

    assert len(found["AAA"].times) == 500


def test_a_damaged_payload_is_an_error_and_is_not_kept(database):
    stored(database, dataset([100, 101]))
    with database.write() as session:
        session.execute(update(StoredDataset).values(payload=b"SBD1damaged"))

    for _ in range(2):
        with pytest.raises(DamagedDataset, match="import AAA again"):
            read(database, "AAA")


def test_what_is_kept_stays_within_its_bound():
    assert calendars._kept.maxsize == calendars.MOST_BYTES == 64 << 20
    assert calendars._kept.getsizeof(np.zeros(1_000, "datetime64[s]")) == 8_000


@pytest.mark.parametrize("length", [0, 3, 8, 60, 200])
def test_a_payload_that_ends_before_its_last_time_is_refused(length):
    payload = dataset(walk(5_000)).encode()

    with pytest.raises(InvalidPayload):
        decode_times(payload[:length])
