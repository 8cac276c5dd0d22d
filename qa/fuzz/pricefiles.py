"""Price files as they should not be: a corpus by hand, and good files with random damage."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HEADER = "Date,Open,High,Low,Close,Volume\n"
_DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(40)]
ROWS = [f"{day},10,11,9,10.5,{100 + place}" for place, day in enumerate(_DAYS)]
GOOD = HEADER + "\n".join(ROWS) + "\n"
_PRICES = ("Open", "High", "Low", "Close", "Volume")

DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%y-%m-%d",
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%s", "%Y-W%V-%u",
)  # fmt: skip
"""Fourteen styles; a file that mixes two of them is not to be guessed at."""
_NUMBERS = (
    "", " ", "NaN", "nan", "inf", "-inf", "Infinity", "1e999", "-1e999", "1e-999", "0", "-0", "-1", "1,5", "1.5.5",
    "1_000", "0x10", "١٠", "10 USD", "$10", "10%", "(10)", "=1+1", "=cmd|' /C calc'!A0", "+10+10", "@SUM(A1)", "--10", "1e",
    "e5", ".", "ten", "10\u00a0000", "1e308", "5e-324", "9" * 400, "<b>10</b>", '"10', "10;11", "\t", "\x00", "#REF!",
    "null", "None", "true",
)  # fmt: skip


def corpus() -> Iterator[tuple[str, bytes]]:
    """Every file by hand: what is wrong with it, and its bytes."""
    yield from _encodings()
    yield from _shapes()
    yield from _rows()
    yield from _parquets()


def large() -> Iterator[tuple[str, bytes]]:
    """Files that would cost much if they were believed."""
    yield "a million columns", (",".join(f"c{number}" for number in range(1_000_000)) + "\n").encode()
    yield "a million columns of a row", (HEADER + "2024-01-02" + ",1" * 1_000_000 + "\n").encode()
    yield "one line of 60 MiB", b"a" * (60 << 20)
    yield "60 MiB of newlines", HEADER.encode() + b"\n" * (60 << 20)
    yield "60 MiB of separators", HEADER.encode() + b"," * (60 << 20)
    yield "60 MiB of quotes", HEADER.encode() + b'"' * (60 << 20)
    yield "60 MiB of one row", HEADER.encode() + b"2024-01-02,10,11,9,10.5,100\n" * (2_200_000)
    yield "60 MiB of NUL bytes", b"\0" * (60 << 20)
    yield "a gzip bomb", gzip.compress(b"\0" * (200 << 20))
    yield "a zip bomb", _zip(b"\0" * (200 << 20))
    zeros = np.zeros(12_000_000)
    yield "a Parquet bomb of rows", _parquet(dict.fromkeys(("Date", *_PRICES), zeros))
    yield (
        "a Parquet bomb of text",
        _parquet({"Date": ["x" * 1_000_000] * 50, **{name: [1.0] * 50 for name in _PRICES}}),
    )
    yield "a Parquet file of 20,000 columns", _parquet({f"c{number}": [1.0] for number in range(20_000)})


def damaged(chance: random.Random) -> bytes:
    """A good file, CSV or Parquet, with one to four random damages."""
    content = bytearray(_GOOD_PARQUET if chance.random() < 0.4 else GOOD.encode())
    for _ in range(chance.randrange(1, 5)):
        start = chance.randrange(len(content) or 1)
        end = min(len(content), start + chance.randrange(1, 40))
        piece = bytes(content[start:end])
        match chance.randrange(6):
            case 0:
                del content[start:end]
            case 1:
                content[start:start] = piece * chance.randrange(1, 4)
            case 2:
                content[start:end] = chance.randbytes(len(piece))
            case 3:
                content[start:start] = chance.choice(_NUMBERS).encode()
            case 4:
                content[start:end] = piece[::-1]
            case _:
                content[start:start] = chance.choice(
                    (b"\n", b",", b'"', b"\r", b"\0", b";", b"\xff", b"\xef\xbb\xbf")
                )
    return bytes(content)


def _encodings() -> Iterator[tuple[str, bytes]]:
    accented = GOOD.replace("Volume", "Volumé")
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"):
        yield name, GOOD.encode(name)
    for name in ("latin-1", "cp1252", "iso8859-15", "mac-roman"):
        yield name, accented.encode(name)
    yield "shift-jis", GOOD.replace("Date", "日付").encode("shift-jis")
    yield "two marks of byte order", b"\xef\xbb\xbf" * 2 + GOOD.encode()
    yield "a cut UTF-8 letter", GOOD.encode()[:-1] + b"\xc3"
    yield "overlong UTF-8", GOOD.encode().replace(b"Date", b"\xc0\xaeDate")
    for place in (0, 10, 60, len(GOOD)):
        yield f"a NUL byte at {place}", GOOD.encode()[:place] + b"\0" + GOOD.encode()[place:]


def _shapes() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "a newline", b"\n"
    yield "a header alone", HEADER.encode()
    yield "no header", "\n".join(ROWS).encode()
    yield "the header twice", (HEADER + GOOD).encode()
    yield "a column twice", GOOD.replace("Volume", "Close").encode()
    yield "an open quote", GOOD.replace("10.5,100", '"10.5,100').encode()
    yield "other separators", GOOD.replace(",", "|").encode()
    yield "two separators", GOOD.replace(",10.5,", ";10.5;").encode()
    yield "gzip", gzip.compress(GOOD.encode())
    yield "zip", _zip(GOOD.encode())
    yield "a page", b"<html><body><table><tr><td>Date</td></tr></table></body></html>"
    yield "JSON", b'[{"Date": "2024-01-02", "Open": 1}]'
    for name in HEADER.strip().split(","):
        yield f"no column {name}", GOOD.replace(name, "Other").encode()
    yield "a formula as header", GOOD.replace("Close", "=cmd|' /C calc'!A0").encode()


def _rows() -> Iterator[tuple[str, bytes]]:
    for place, number in ((place, number) for place in range(1, 6) for number in _NUMBERS):
        cells = ROWS[3].split(",")
        cells[place] = number
        yield f"{_PRICES[place - 1]} {number[:20]!r}", _with_row(3, ",".join(cells))
    for number in (
        "",
        "soon",
        "2024-02-30",
        "2024-13-01",
        "0000-00-00",
        "9999-99-99",
        "1/2/3",
        "2024-01",
        "45000.5",
        "=TODAY()",
    ):
        yield f"date {number!r}", _with_row(3, number + ROWS[3][10:])
    for style in DATES:
        yield f"one date as {style}", _with_row(3, _DAYS[3].strftime(style) + ROWS[3][10:])
    yield "a date twice", _with_row(4, ROWS[3])
    yield "two rows exchanged", (HEADER + "\n".join([*ROWS[:5], ROWS[6], ROWS[5], *ROWS[7:]])).encode()
    yield "newest first", (HEADER + "\n".join(reversed(ROWS))).encode()
    yield "a short row", _with_row(3, "2024-01-04,10,11")
    yield "a long row", _with_row(3, ROWS[3] + ",1,2,3")
    yield "high below low", _with_row(3, "2024-01-04,10,8,9,10.5,1")
    yield "close above high", _with_row(3, "2024-01-04,10,11,9,12,1")


def _parquets() -> Iterator[tuple[str, bytes]]:
    days = list(_DAYS)
    columns = {"Date": pa.array(days, pa.date32()), **{name: [10.0] * 40 for name in _PRICES}}
    yield "Parquet cut", _GOOD_PARQUET[:-20]
    yield "Parquet cut to its mark", b"PAR1"
    yield "Parquet of nothing", b"PAR1" + b"\0" * 500 + b"PAR1"
    yield "Parquet without rows", _parquet({name: pa.array([], pa.float64()) for name in columns})
    for name in columns:
        yield (
            f"Parquet without {name}",
            _parquet({one: column for one, column in columns.items() if one != name}),
        )
        yield f"Parquet with texts as {name}", _parquet(columns | {name: ["ten"] * 40})
        yield f"Parquet with nulls in {name}", _parquet(columns | {name: pa.nulls(40)})
        yield f"Parquet with lists in {name}", _parquet(columns | {name: [[1.0]] * 40})
        yield f"Parquet with bytes in {name}", _parquet(columns | {name: [b"\xff"] * 40})
    for value in (float("inf"), float("-inf"), float("nan"), -1.0, 0.0, 1e308):
        yield f"Parquet with {value} as close", _parquet(columns | {"Close": [value] * 40})
    yield "Parquet of one day", _parquet(columns | {"Date": pa.array([days[0]] * 40, pa.date32())})
    yield "Parquet backwards", _parquet(columns | {"Date": pa.array(days[::-1], pa.date32())})


def _with_row(place: int, row: str) -> bytes:
    return (HEADER + "\n".join([*ROWS[:place], row, *ROWS[place + 1 :]]) + "\n").encode(
        "utf-8", "surrogatepass"
    )


def _zip(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("prices.csv", content)
    return sink.getvalue()


def _parquet(columns: dict[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


_GOOD_PARQUET = _parquet(
    {
        "Date": pa.array(_DAYS, pa.date32()),
        **{name: list(np.linspace(10, 10.5, 40)) for name in ("Open", "Close")},
        "High": [11.0] * 40,
        "Low": [9.0] * 40,
        "Volume": [100.0] * 40,
    }
)


def _number_of(digits: int, rows: int = 1) -> bytes:
    return (HEADER + f"2024-01-02,{'9' * digits}x,11,9,10,1\n" * rows).encode()


def _prices_and(**column: object) -> bytes:
    return _parquet({"Date": ["2024-01-02"], **{name: [1.0] for name in _PRICES}, **column})


def _equal_list() -> bytes:
    equal = pa.array(np.zeros(10**8, np.int8))
    return _prices_and(Open=pa.ListArray.from_arrays([0, len(equal)], equal))


def _long_text() -> bytes:
    return _parquet({"Date": ["x" * 2_000_000] * 1_000, **{name: [1.0] * 1_000 for name in _PRICES}})


def _nested() -> bytes:
    column = pa.array([1.0])
    for _ in range(300):
        column = pa.StructArray.from_arrays([column], ["a"])
    return _prices_and(Open=column)


def _packed_text() -> bytes:
    sink = io.BytesIO()
    texts = pa.table({"Date": ["a" * 50_000 + str(row) for row in range(5_000)]})
    pq.write_table(texts, sink, compression="zstd", use_dictionary=False)
    return sink.getvalue()


HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "a number of 8,000 digits and an x": lambda: _number_of(8_000),
    "a number of 16,000 digits and an x": lambda: _number_of(16_000),
    "a thousand rows of such numbers": lambda: _number_of(16_000, 1_000),
    "dates of 16,000 spaces": lambda: (HEADER + f"2024{' ' * 16_000}x,10,11,9,10,1\n" * 200).encode(),
    "weekdays without end": lambda: (HEADER + f"{'Mon ' * 4_000},10,11,9,10,1\n" * 200).encode(),
    "a header of one long name": lambda: ("a" * 16_000 + ",b,c\n").encode() * 50,
    "Parquet: a list of 10^8 equal numbers": _equal_list,
    "Parquet: one long text in 1,000 rows": _long_text,
    "Parquet: 150 columns of 5 million zeros": lambda: _parquet(
        dict.fromkeys([f"c{place}" for place in range(150)], np.zeros(5_000_000))
    ),
    "Parquet: a column 300 levels deep": _nested,
    "Parquet: 240 MiB of text packed by zstd": _packed_text,
    "a gzip bomb": lambda: gzip.compress(b"\0" * (50 << 20)),
    "a zip bomb": lambda: _zip(b"\0" * (50 << 20)),
}
"""Small files that take a careless parser seconds of every thread, or gigabytes."""
