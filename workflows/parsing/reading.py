"""What a parsing process does with one file: untrusted bytes in, JSON and encoded datasets out."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any, Final

from backtest.errors import BacktestError, InvalidFile, InvalidRequest
from backtest.optional_imports import hidden
from backtest.prices import quality
from backtest.prices.calendar import stamp
from backtest.prices.dataset import Dataset
from backtest.prices.reading import layout
from backtest.prices.reading.options import ReadOptions

PREVIEWED: Final = 5
_PRICES: Final = ("open", "high", "low", "close", "volume")


def warm_up() -> None:
    """Use once what reading takes, so that a forked child finds it ready, and start no thread.

    A table of texts in Parquet goes through all but Arrow's reader of CSV, which would start a thread. Arrow
    looks for pandas once, with its first array.
    """
    with hidden("pandas"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        pa.array([0.0])
    columns = [["2024-01-02", "2024-01-03"], *[["$1.5", "1.5"]] * 4, ["1,000", "1K"]]
    names = ("Date", "Open", "High", "Low", "Close", "Volume")
    buffer = io.BytesIO()
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), buffer)
    about: dict[str, Any] = {
        "file": "prices.parquet",
        "symbol": "A",
        "default_symbol": None,
        "options": {},
    }
    for preview in (False, True):
        answer(buffer.getvalue(), {**about, "preview": preview})
    text = ",".join(names) + "\n2024-01-02,1.5,1.5,1.5,1.5,1000\n"
    layout.find_layout(memoryview(text.encode()), "prices.csv", ReadOptions())


def answer(data: bytes | bytearray, about: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """What was understood of the file with its datasets, a preview of it, or everything that is wrong with it."""
    try:
        return _answer(data, about)
    except InvalidFile as invalid:
        errors = list(invalid.errors)
    except InvalidRequest as invalid:
        errors = [InvalidFile(e.message, file=about["file"], field=e.field) for e in invalid.errors]
    except BacktestError as error:
        errors = [InvalidFile(str(error), file=about["file"])]
    return {"errors": [_described(error) for error in errors]}, []


def _answer(data: bytes | bytearray, about: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    from backtest.prices.reading.reader import read_prices  # Arrow loads slowly

    reading = read_prices(
        data,
        file=about["file"],
        symbol=about["symbol"],
        default_symbol=about["default_symbol"],
        options=ReadOptions.parse(about["options"]),
        ask=not about["preview"],
    )
    datasets = [prices.dataset for prices in reading.symbols]
    if about["preview"]:
        return {"preview": _preview(datasets[0]) | {"reading": reading.as_json()}}, []
    payloads = [dataset.encode(level=0) for dataset in datasets]
    return {"reading": reading.as_json(), "payloads": [len(payload) for payload in payloads]}, payloads


def _preview(dataset: Dataset) -> dict[str, Any]:
    times = dataset.bars.times
    return {
        "symbol": dataset.symbol,
        "bars": len(times),
        "timeframe": dataset.timeframe,
        "first_bar": stamp(times[0]),
        "last_bar": stamp(times[-1]),
        "rows": [_row(dataset, bar) for bar in range(min(PREVIEWED, len(times)))],
        "certificate": quality.report_of(dataset),
    }


def _row(dataset: Dataset, bar: int) -> dict[str, Any]:
    prices = {name: float(getattr(dataset.bars, name)[bar, 0]) for name in _PRICES}
    known = {name: None if math.isnan(value) else value for name, value in prices.items()}
    return {"time": stamp(dataset.bars.times[bar]), **known}


def _described(error: InvalidFile) -> dict[str, Any]:
    return {"message": error.message, "line": error.line, "date": error.date, "field": error.field}
