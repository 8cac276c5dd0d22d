import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtest import samples
from backtest.errors import InvalidFile
from backtest.prices.bars import PRICES
from backtest.prices.price_file import read_file
from backtest.prices.reading.reader import read_prices

DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], "datetime64[s]")
COLUMNS = {
    "Date": DAYS, "Open": [10.0, 11, 12], "High": [12.0, 13, 14], "Low": [9.0, 10, 11], "Close": [11.0, 12, 13],
    "Volume": [100, 200, 300],
}  # fmt: skip


def parquet(**changed):
    buffer = io.BytesIO()
    pq.write_table(pa.table(COLUMNS | changed), buffer)
    return buffer.getvalue()


def read(**changed):
    return read_prices(parquet(**changed), file="prices.parquet", symbol="ACME").symbols[0].dataset


def refused(**changed):
    with pytest.raises(InvalidFile) as caught:
        read(**changed)
    return caught.value


def test_parquet_and_csv_of_the_same_prices_are_the_same_dataset():
    written = "\n".join(
        ["Date,Open,High,Low,Close,Volume", "2024-01-02,10,12,9,11,100", "2024-01-03,11,13,10,12,200",
         "2024-01-04,12,14,11,13,300"]
    )  # fmt: skip

    from_csv = read_prices(written.encode(), file="prices.csv", symbol="ACME").symbols[0].dataset

    assert read().data_hash == from_csv.data_hash


@pytest.mark.parametrize(
    "dates",
    [
        DAYS.astype("datetime64[D]"), DAYS.astype("datetime64[ns]"), ["2024-01-02", "2024-01-03", "2024-01-04"],
        pa.array(DAYS.astype("datetime64[us]")).cast(pa.timestamp("us", "UTC")),
        pa.array((DAYS + np.timedelta64(5, "h")).astype("datetime64[us]"), pa.timestamp("us", "America/New_York")),
    ],
    ids=["days", "nanoseconds", "texts", "UTC", "midnight in New York"],
)  # fmt: skip
def test_dates_of_every_type_give_the_same_days(dates):
    assert read(Date=dates).data_hash == read().data_hash


def test_a_frame_with_its_dates_as_index_is_read():
    bars = samples.load("GOOG").bars
    columns = {name.title(): getattr(bars, name)[:, 0] for name in (*PRICES, "volume")}
    buffer = io.BytesIO()
    pd.DataFrame(columns, index=pd.DatetimeIndex(bars.times, name="Date")).to_parquet(buffer)

    dataset = read_prices(buffer.getvalue(), file="goog.parquet", symbol="GOOG").symbols[0].dataset

    assert dataset.data_hash == samples.load("GOOG").data_hash


@pytest.mark.parametrize(
    ("changed", "where", "reason"),
    [
        ({"Close": [11.0, float("inf"), 13]}, (2, "close"), "must be a number"),
        ({"Close": ["11", "twelve", "13"]}, (2, "close"), "must be a number such as 1234.56, got 'twelve'"),
        ({"Close": [11.0, -12, 13]}, (2, "close"), "must be a price above 0"),
        ({"High": [12.0, 9, 14]}, (2, "high"), "must not be below low"),
        (
            {"Date": DAYS[[0, 1, 1]]},
            (3, "date"),
            "2024-01-03 occurs twice with different prices, in lines 2 and 3",
        ),
        ({"Date": ["2024-01-02", "soon", "2024-01-04"]}, (2, "date"), "must be a date"),
        ({"Date": [1.5, 2.5, 3.5]}, (1, "date"), "must be a date"),
        ({"Date": [1, 2, 3]}, (1, "date"), "must be a date"),
        ({"close": [1.0, 2, 3]}, (1, "close"), "2 columns hold it: 'Close', 'close'"),
        ({"Close": [[1.0], [2.0], [3.0]]}, (None, "Close"), "has a column of the type list"),
        ({f"x{place}": [1, 2, 3] for place in range(300)}, (None, ""), "has 306 columns, at most 256"),
    ],
)
def test_a_wrong_parquet_file_is_refused_with_row_and_field(changed, where, reason):
    wrong = refused(**changed)

    assert (wrong.line, wrong.field) == where
    assert reason in str(wrong)


def test_a_missing_column_is_named():
    buffer = io.BytesIO()
    pq.write_table(
        pa.table({name: COLUMNS[name] for name in ("Date", "Open", "Low", "Close", "Volume")}), buffer
    )

    with pytest.raises(InvalidFile, match="high: column is missing"):
        read_prices(buffer.getvalue(), file="prices.parquet", symbol="ACME")


def test_a_parquet_file_that_was_cut_or_altered_is_refused():
    whole = parquet()

    for length in range(4, len(whole), 7):
        with pytest.raises(InvalidFile, match="prices.parquet"):
            read_prices(whole[:length], file="prices.parquet", symbol="ACME")


def test_a_parquet_file_that_claims_more_rows_than_allowed_is_refused_unread():
    buffer = io.BytesIO()
    flat = pa.array(np.ones(5_000_001))
    pq.write_table(pa.table(dict.fromkeys(COLUMNS, flat)), buffer)

    with pytest.raises(InvalidFile, match="has 5,000,001 rows, 1 to 5,000,000 are allowed"):
        read_prices(buffer.getvalue(), file="prices.parquet", symbol="ACME")


def test_a_file_of_a_hundred_mebibytes_is_refused_by_its_size(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(100 << 20)

    with pytest.raises(InvalidFile, match="huge.csv: has 100 MiB; at most 64 MiB are allowed"):
        read_file(path, symbol="ACME")


@pytest.mark.parametrize(("name", "reason"), [("nothing.csv", "No such file"), ("", "Is a directory")])
def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path, name, reason):
    with pytest.raises(InvalidFile, match=reason):
        read_file(tmp_path / name, symbol="ACME")


def test_a_bundled_sample_can_be_imported_like_any_file():
    dataset = read_file(samples.FOLDER / "SP500.csv", symbol="SP500").symbols[0].dataset

    assert dataset.data_hash == samples.load("SP500").data_hash
