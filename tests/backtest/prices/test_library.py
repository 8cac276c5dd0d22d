from dataclasses import replace

import numpy as np
import pytest

from backtest import samples
from backtest.errors import InvalidFile, InvalidRequest
from backtest.prices.dataset import make_dataset
from backtest.prices.library import Library


def prices(symbol, close):
    close = np.array(close, float)
    times = np.datetime64("2024-01-02", "s") + np.arange(len(close)) * np.timedelta64(86_400, "s")
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), close)
    return make_dataset(symbol, times, columns, source="made up")


def test_an_empty_library_holds_the_bundled_samples(tmp_path):
    library = Library(tmp_path / "nothing")

    assert library.symbols() == ["GOOG", "NASDAQ", "SP500"]
    assert library.get("SP500") is samples.load("SP500")
    assert not (tmp_path / "nothing").exists()


def test_an_imported_dataset_is_found_by_its_symbol(tmp_path):
    dataset = prices("ACME", [1, 2, 3])
    Library(tmp_path).add(dataset)

    library = Library(tmp_path)

    assert library.symbols() == ["ACME", "GOOG", "NASDAQ", "SP500"]
    assert library.get("ACME").data_hash == library.hashes()["ACME"] == dataset.data_hash


def test_the_version_added_last_is_the_current_one_even_when_it_was_there_before(tmp_path):
    library, old, new = Library(tmp_path), prices("ACME", [1, 2]), prices("ACME", [1, 2, 3])

    for dataset in (old, new):
        library.add(dataset)
    assert library.get("ACME").data_hash == new.data_hash
    library.add(old)

    assert library.get("ACME").data_hash == old.data_hash
    assert len(list(tmp_path.glob("*.dataset"))) == 2


def test_an_import_takes_the_place_of_a_sample_of_the_same_name(tmp_path):
    library = Library(tmp_path)
    library.add(prices("SP500", [1, 2]))

    assert len(library.get("SP500")) == 2


@pytest.mark.parametrize("symbol", ["../../evil", "a/b", "..", "-", "ÄÖÜ漢字" * 4, "x" * 32])
def test_no_symbol_can_name_a_path(tmp_path, symbol):
    folder = tmp_path / "library"
    Library(folder).add(prices(symbol, [1, 2]))

    assert list(tmp_path.iterdir()) == [folder]
    assert symbol in Library(folder).symbols()
    assert Library(folder).get(symbol).symbol == symbol


def test_an_unknown_symbol_is_answered_with_the_nearest_one(tmp_path):
    with pytest.raises(InvalidRequest, match="No price data for SP50; did you mean SP500"):
        Library(tmp_path).get("SP50")


def test_the_source_may_differ_where_the_content_does_not(tmp_path):
    dataset = prices("ACME", [1, 2])

    assert replace(dataset, source="elsewhere").data_hash == dataset.data_hash


def test_the_folder_and_its_files_are_closed_to_other_users(tmp_path):
    folder = tmp_path / "library"
    Library(folder).add(prices("ACME", [1, 2]))

    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"symbol": "SP500"}', b'{"symbol": "GOOG", "data_hash": "x"}']
)
def test_a_damaged_pointer_is_an_error_and_never_the_bundled_sample(tmp_path, content):
    library = Library(tmp_path)
    library.add(prices("SP500", [1, 2, 3]))
    [pointer] = tmp_path.glob("*.current.json")
    pointer.write_bytes(content)

    for use in (lambda: library.get("SP500"), library.symbols, library.hashes):
        with pytest.raises(InvalidFile, match="import the symbol again"):
            use()


def test_a_pointer_to_another_symbol_is_an_error(tmp_path):
    library = Library(tmp_path)
    library.add(prices("SP500", [1, 2, 3]))
    library.add(prices("GOOG", [1, 2, 3]))
    sp500, goog = (next(tmp_path.glob(f"{name}.*.current.json")) for name in ("SP500", "GOOG"))
    sp500.write_bytes(goog.read_bytes())

    with pytest.raises(InvalidFile, match="does not name the current version"):
        library.get("SP500")
