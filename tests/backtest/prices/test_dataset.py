import hashlib
import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest import samples
from backtest.errors import InvalidBars
from backtest.prices.bars import PRICES
from backtest.prices.dataset import Dataset, InvalidPayload, adjust, infer_timeframe, make_dataset

DAY = 86_400


def daily(close, symbol="ACME", **given):
    close = np.array(close, float)
    times = np.datetime64("2024-01-02", "s") + np.arange(len(close)) * np.timedelta64(DAY, "s")
    columns = dict.fromkeys((*PRICES, "volume"), close)
    return make_dataset(symbol, times, columns, source="made up", **given)


def header_of(payload):
    (length,) = struct.unpack_from("<I", payload, 4)
    return json.loads(payload[8 : 8 + length])


def with_header(payload, **changes):
    (length,) = struct.unpack_from("<I", payload, 4)
    header = json.dumps(header_of(payload) | changes).encode()
    return b"SBD1" + struct.pack("<I", len(header)) + header + payload[8 + length :]


def test_the_hash_names_symbol_timeframe_and_every_bar():
    dataset = daily([1, 2, 3])

    others = [daily([1, 2, 4]), daily([1, 2]), daily([1, 2, 3], "OTHER"), daily([1, 2, 3], timeframe="1w")]

    assert len({dataset.data_hash, *(other.data_hash for other in others)}) == 5
    assert dataset.data_hash == daily([1, 2, 3]).data_hash


def test_the_hash_is_over_symbol_timeframe_count_times_and_prices_in_little_endian():
    days = [1_704_153_600, 1_704_240_000, 1_704_326_400]
    content = b"ACME\n1d\n3\n" + struct.pack("<3q", *days) + struct.pack("<15d", *([1, 2, 3] * 5))

    assert daily([1, 2, 3]).data_hash == hashlib.sha256(content).hexdigest()
    assert daily([1, 2, 3]).data_hash == "df1a143ee14d105ae333bf63b011b72afafadd15f0d537d21988a6607efe95f6"


def test_an_unknown_volume_is_kept_and_one_content_has_one_hash_whatever_its_bits():
    bits = np.array([0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_0001], np.uint64).view(float)
    volumes = [np.array([10.0, one, 30.0]) for one in bits]

    first, second = (
        make_dataset("ACME", daily([1, 2, 3]).bars.times,
                     dict.fromkeys(PRICES, np.array([1.0, 2, 3])) | {"volume": volume}, source="made up")
        for volume in volumes
    )  # fmt: skip

    assert first.data_hash == second.data_hash
    decoded = Dataset.decode(first.encode())
    assert decoded.data_hash == first.data_hash
    assert decoded.bars.volume[:, 0].tolist()[::2] == [10.0, 30.0]
    assert np.isnan(decoded.bars.volume[1, 0])


def test_where_the_prices_come_from_does_not_change_the_hash():
    dataset = daily([1, 2, 3])

    assert replace(dataset, source="elsewhere").data_hash == dataset.data_hash


@pytest.mark.parametrize("symbol", samples.SYMBOLS)
def test_decoding_what_was_encoded_gives_the_same_dataset(symbol):
    dataset = samples.load(symbol)

    again = Dataset.decode(dataset.encode())

    assert (again.symbol, again.timeframe, again.source) == (symbol, "1d", dataset.source)
    assert again.data_hash == dataset.data_hash
    for name in ("times", *PRICES, "volume"):
        np.testing.assert_array_equal(getattr(again.bars, name), getattr(dataset.bars, name))
        assert getattr(again.bars, name).flags.c_contiguous


def test_a_payload_is_less_than_half_of_the_arrays():
    dataset = samples.load("SP500")

    assert len(dataset.encode()) < len(dataset) * 48 / 2


def test_a_payload_that_was_cut_anywhere_is_refused():
    payload = daily([1, 2, 3]).encode()

    for length in range(len(payload)):
        with pytest.raises(InvalidPayload):
            Dataset.decode(payload[:length])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_payload_are_refused(noise):
    for payload in (noise, b"SBD1" + noise):
        with pytest.raises(InvalidPayload):
            Dataset.decode(payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"bars": 0}, {"bars": -1}, {"bars": 2}, {"bars": 10**12}, {"bars": "3"}, {"bars": True},
        {"symbol": "a b"}, {"symbol": ""}, {"symbol": None}, {"timeframe": 1},
    ],
)  # fmt: skip
def test_a_payload_whose_header_lies_is_refused(changes):
    payload = with_header(daily([1, 2, 3]).encode(), **changes)

    with pytest.raises(InvalidPayload):
        Dataset.decode(payload)


def test_a_payload_that_would_unpack_to_gigabytes_is_refused_without_unpacking_it():
    honest = daily([1, 2, 3]).encode()
    bomb = zlib.compress(bytes(200_000_000), level=9)
    (length,) = struct.unpack_from("<I", honest, 4)

    with pytest.raises(InvalidPayload, match="must hold 144 bytes"):
        Dataset.decode(honest[: 8 + length] + bomb)


def test_a_payload_with_impossible_prices_is_refused():
    honest = daily([1, 2, 3]).encode()
    (length,) = struct.unpack_from("<I", honest, 4)

    with pytest.raises(InvalidPayload, match="invalid prices"):
        Dataset.decode(honest[: 8 + length] + zlib.compress(bytes(144)))


def test_prices_where_the_high_is_below_the_close_make_no_dataset():
    times = np.array(["2024-01-02"], "datetime64[s]")
    columns = {name: np.array([10.0]) for name in (*PRICES, "volume")} | {"high": np.array([9.0])}

    with pytest.raises(InvalidBars, match="ACME 2024-01-02 high"):
        make_dataset("ACME", times, columns, source="made up")


@pytest.mark.parametrize("symbol", ["", "a b", "x" * 33, "a\nb", "a\x00"])
def test_what_cannot_name_a_symbol_is_refused(symbol):
    with pytest.raises(ValueError, match="1 to 32 letters, digits"):
        daily([1, 2], symbol)


def test_bars_of_another_symbol_are_refused():
    dataset = daily([1, 2])

    with pytest.raises(ValueError, match="the bars are of ACME 1d, not of OTHER 1d"):
        replace(dataset, symbol="OTHER")


def test_a_split_of_two_for_one_halves_all_four_prices():
    prices = {"open": [98.0], "high": [104.0], "low": [96.0], "close": [100.0], "volume": [7.0]}

    adjusted = adjust({name: np.array(values) for name, values in prices.items()}, np.array([50.0]))

    assert {name: values[0] for name, values in adjusted.items()} == {
        "open": 49.0, "high": 52.0, "low": 48.0, "close": 50.0, "volume": 7.0,
    }  # fmt: skip


PRICE = st.floats(1e-3, 1e6)


@given(st.lists(st.tuples(PRICE, PRICE, PRICE, PRICE, PRICE), min_size=1, max_size=20))
def test_adjusted_prices_keep_their_order_to_the_last_bit(rows):
    table = np.array(rows)
    low, opened, high = np.sort(table[:, :3], axis=1).T
    close = np.clip(table[:, 3], low, high)
    prices = {"open": opened, "high": high, "low": low, "close": close, "volume": np.ones(len(table))}

    adjusted = adjust(prices, table[:, 4])

    assert (adjusted["close"] == table[:, 4]).all()
    assert (adjusted["low"] <= np.minimum(adjusted["open"], adjusted["close"])).all()
    assert (adjusted["high"] >= np.maximum(adjusted["open"], adjusted["close"])).all()


def test_an_adjusted_close_that_equals_the_close_changes_no_bit():
    bars = samples.load("SP500").bars
    prices = {name: getattr(bars, name)[:, 0] for name in (*PRICES, "volume")}

    adjusted = adjust(prices, prices["close"])

    for name in PRICES:
        np.testing.assert_array_equal(adjusted[name], prices[name])


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(1, "1s"), (60, "1m"), (300, "5m"), (3_600, "1h"), (14_400, "4h"), (DAY, "1d"), (2 * DAY, "2d"),
     (3 * DAY, "3d"), (5 * DAY, "5d"), (7 * DAY, "1w"), (14 * DAY, "2w"), (21 * DAY, "3w"),
     (30 * DAY, "1mo"), (91 * DAY, "3mo"), (365 * DAY, "1y")],
)  # fmt: skip
def test_the_timeframe_is_the_usual_distance_of_two_bars(seconds, name):
    times = np.arange(0, 10 * seconds, seconds).astype("datetime64[s]")

    assert infer_timeframe(times) == name
    assert infer_timeframe(times[:1]) == "1d"
