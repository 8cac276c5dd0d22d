"""Uploads of valid and invalid price files, and the lists of symbols and datasets."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from qa.compare.steps import PAGE, Step, get, send, send_file, send_form

Row = tuple[datetime, float, float, float, float, int]
_HEADER = ("Date", "Open", "High", "Low", "Close", "Volume")
_KINDS = ("text/csv", "application/octet-stream", "application/vnd.apache.parquet")
_ROW = b"2020-01-02,10,11,9,10.5,100\n"
_HEAD = b"Date,Open,High,Low,Close,Volume\n"


def walk(bars: int, *, seed: int, start: str, step: timedelta) -> list[Row]:
    """A reproducible random walk of prices."""
    source, close, rows = random.Random(seed), 100.0, list[Row]()
    first = datetime.fromisoformat(start)
    for number in range(bars):
        opened = close * (1 + source.uniform(-0.004, 0.004))
        close = opened * (1 + source.gauss(0.0001, 0.01))
        high, low = max(opened, close) * 1.002, min(opened, close) * 0.998
        prices = (round(price, 4) for price in (opened, high, low, close))
        rows.append((first + number * step, *prices, source.randrange(1_000, 90_000)))  # type: ignore[arg-type]
    return rows


def as_csv(
    rows: Sequence[Row], *, separator: str = ",", header: Sequence[str] = _HEADER, day: str = ""
) -> bytes:
    """The rows as CSV; `day` is the date format (default: ISO 8601)."""
    lines = [separator.join(header)]
    for time, *values in rows:
        shown = time.strftime(day) if day else time.isoformat(sep=" ")
        lines.append(separator.join([shown, *map(str, values)]))
    return "\n".join(lines).encode() + b"\n"


def as_parquet(rows: Sequence[Row]) -> bytes:
    """The rows as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    columns = list(zip(*rows, strict=True))
    pq.write_table(
        pa.table({name: list(column) for name, column in zip(_HEADER, columns, strict=True)}), buffer
    )
    return buffer.getvalue()


def _days(bars: int, seed: int = 1) -> list[Row]:
    return walk(bars, seed=seed, start="2020-01-01", step=timedelta(days=1))


def _good() -> Iterator[tuple[str, bytes]]:
    """Valid files by symbol; some runs use them."""
    five = walk(3_000, seed=5, start="2024-03-04 09:30", step=timedelta(minutes=5))
    weeks = walk(400, seed=7, start="2016-01-04", step=timedelta(weeks=1))
    gaps = _days(1_200, seed=9)
    damaged = [*gaps[:100], *gaps[190:500], *_scaled(gaps[500:], 0.5)]
    long = walk(60_000, seed=11, start="2010-01-01", step=timedelta(hours=1))
    yield "FIVE", as_csv(five)
    yield "WEEKS", as_csv(weeks, separator=";")
    yield "GAPS", as_csv(damaged, separator="\t", day="%Y-%m-%d")
    yield "LONG", as_csv(long)
    yield "SECOND", as_csv(_days(50))
    yield "SECOND", as_csv(_days(60, seed=2))
    yield "SWAPPED", as_csv(_days(50)[::-1])
    yield (
        "QUOTED",
        b'"Date","Open","High","Low","Close","Volume","Other"\n"2020-01-02","10","11","9","10.5","100","x"\n',
    )
    yield "ADJUSTED", b"date,open,high,low,close,adj close,volume\n2020-01-02,10,11,9,10.5,5.25,100\n"
    yield "BYTE-ORDER", b"\xef\xbb\xbf" + _HEAD + _ROW.replace(b"\n", b"\r\n")


def _scaled(rows: Sequence[Row], factor: float) -> list[Row]:
    """Prices scaled as by an unadjusted split."""
    return [(time, *(round(value * factor, 4) for value in prices), volume) for time, *prices, volume in rows]  # type: ignore[misc]


_BAD: Mapping[str, bytes] = {
    "empty": b"",
    "header alone": _HEAD,
    "no header": _ROW * 2,
    "blank": b"\n\n\n",
    "no close": b"Date,Open,High,Low,Volume\n2020-01-02,10,11,9,100\n",
    "column twice": b"Date,Open,High,Low,Close,Close,Volume\n2020-01-02,10,11,9,10,10,100\n",
    "no number": _HEAD + b"2020-01-02,10,11,9,ten,100\n",
    "value missing": _HEAD + b"2020-01-02,10,11,9,,100\n" + _ROW,
    "negative": _HEAD + b"2020-01-02,10,11,-9,10.5,100\n",
    "zero": _HEAD + b"2020-01-02,0,11,0,10.5,100\n",
    "high below low": _HEAD + b"2020-01-02,10,8,9,10.5,100\n",
    "close above high": _HEAD + b"2020-01-02,10,11,9,12,100\n",
    "same day twice": _HEAD + _ROW + _ROW,
    "same day, other prices": _HEAD + _ROW + b"2020-01-02,20,21,19,20.5,100\n",
    "no date": _HEAD + b"yesterday,10,11,9,10.5,100\n",
    "no such day": _HEAD + b"2020-02-30,10,11,9,10.5,100\n",
    "day or month": _HEAD + b"01/02/2020,10,11,9,10.5,100\n02/03/2020,10,11,9,10.5,100\n",
    "too few columns": _HEAD + b"2020-01-02,10,11\n",
    "too many columns": _HEAD + b"2020-01-02,10,11,9,10.5,100,7,8\n",
    "open quote": _HEAD + b'2020-01-02,"10,11,9,10.5,100\n',
    "NUL": _HEAD + b"2020-01-02,10,11,9,10.5,1\x000\n",
    "UTF-16": (_HEAD + _ROW).decode().encode("utf-16"),
    "Latin-1": _HEAD + "2020-01-02,10,11,9,10.5,1é\n".encode("latin-1"),
    "gzip": b"\x1f\x8b" + b"0" * 50,
    "zip": b"PK\x03\x04" + b"0" * 50,
    "cut Parquet": b"PAR1" + b"0" * 50,
    "long line": _HEAD + b"2020-01-02," + b"1" * 20_000 + b"\n",
    "many mistakes": _HEAD + b"".join(b"2020-01-%02d,a,b,c,d,e\n" % day for day in range(1, 29)),
    "infinite": _HEAD + b"2020-01-02,10,1e999,9,10.5,100\n",
    "HTML": b"<html><body>not found</body></html>",
}
_SYMBOLS = ("", "a b", "x" * 33, "A,B", "ok", "É", "%00", "../x", "<b>", "=1", "^GSPC")


def steps(*, most_mib: int) -> Iterator[Step]:
    """Every upload, then every list; `most_mib` is the limit of an upload's size."""
    for symbol, content in _good():
        yield send(f"/api/datasets?symbol={symbol}", content, "text/csv", note=symbol)
    for name, content in _BAD.items():
        yield send("/api/datasets?symbol=BAD", content, "text/csv", note=name)
        yield send_file("/datasets/preview", {"symbol": "BAD"}, ("bad.csv", content), note=name)
    yield from _kinds()
    yield from _forms()
    large = _HEAD + _ROW * ((most_mib << 20) // len(_ROW) + 1)
    yield send("/api/datasets?symbol=BAD", large, "text/csv", note="too large")
    yield send_file("/datasets", {"symbol": "BAD"}, ("large.csv", large), note="too large")
    yield from _lists()


def _kinds() -> Iterator[Step]:
    parquet = as_parquet(_days(40))
    for kind in _KINDS:
        yield send("/api/datasets?symbol=TABLE", parquet, kind, note=f"Parquet as {kind}")
        yield send("/api/datasets?symbol=TEXT", _HEAD + _ROW, kind, note=f"CSV as {kind}")
    for kind in ("", "application/json", "text/plain", "image/png", "multipart/form-data"):
        yield send("/api/datasets?symbol=BAD", _HEAD + _ROW, kind, note=f"CSV as {kind or 'nothing'}")
    for symbol in _SYMBOLS:
        path = "/api/datasets?symbol=" + symbol.replace(" ", "%20").replace("É", "%C3%89").replace(
            "<b>", "%3Cb%3E"
        )
        yield send(path, _HEAD + _ROW, "text/csv", note=f"symbol {symbol!r}")
    yield send("/api/datasets", _HEAD + _ROW, "text/csv", note="no symbol")


def _forms() -> Iterator[Step]:
    file = ("prices.csv", as_csv(_days(30)))
    for page in (False, True):
        yield send_file("/datasets", {"symbol": "FORM"}, file, page=page)
        yield send_file("/datasets", {}, file, page=page, note="symbol of the file's name")
        yield send_file("/datasets", {"symbol": "a b"}, file, page=page, note="bad symbol")
        yield send_file("/datasets", {"symbol": "X"}, None, page=page, note="no file")
        yield send_file("/datasets", {"symbol": "X"}, ("x.csv", b"nothing"), page=page, note="bad file")
        yield send_file("/api/datasets", {"symbol": "FORM"}, file, page=page)
    yield send_file("/datasets/preview", {"symbol": "FORM"}, file)
    yield send_file("/datasets/preview", {}, ("=x <b>.csv", file[1]), note="odd name")
    yield send_form("/datasets/yahoo", {"yahoo_symbol": "a b"})
    yield send_form("/datasets/yahoo", {"yahoo_symbol": ""}, page=False)


def _lists() -> Iterator[Step]:
    for query in (
        "",
        "?q=s",
        "?q=SP",
        "?q=%25",
        "?q=nothing",
        "?limit=2",
        "?limit=0",
        "?limit=x",
        "?limit=1001",
    ):
        yield get(f"/api/symbols{query}")
        yield get(f"/api/datasets{query}")
    yield get("/datasets", page=True)
    hashed = {"data_hash": r'"symbol":"SECOND"[^}]*"data_hash":"([0-9a-f]+)"'}
    yield get("/api/symbols?q=SECOND", note="its hash", keep=hashed)
    for data_hash in ("{data_hash}", "0" * 64, "x", "%00"):
        yield get(f"/datasets/{data_hash}", page=True)
        yield Step(
            "GET", f"/datasets/{data_hash}", headers={"Accept": "application/json"}, note="by a program"
        )
    yield Step("HEAD", "/datasets", headers=PAGE)
