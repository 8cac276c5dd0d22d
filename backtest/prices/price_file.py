"""Any file of prices: tells CSV from Parquet by what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from backtest.errors import InvalidFile
from backtest.prices.csv_file import MAX_FILE_MIB, parse_csv
from backtest.prices.dataset import Dataset

_MIB = 1 << 20


def read_file(path: Path, *, symbol: str, max_mib: int = MAX_FILE_MIB) -> Dataset:
    """The prices in the file at `path`; raises `InvalidFile`, before reading where it is too large."""
    try:
        with path.open("rb") as stream:
            _check_size(path.stat().st_size, path.name, max_mib)
            return parse_file(stream, file=path.name, symbol=symbol, max_mib=max_mib)
    except OSError as error:
        raise InvalidFile(error.strerror or "cannot be read", file=str(path)) from error


def parse_file(
    data: bytes | IO[bytes], *, file: str, symbol: str, source: str | None = None, max_mib: int = MAX_FILE_MIB
) -> Dataset:
    """The prices in these bytes, or in a stream of which no more than `max_mib` are read.

    Parameters
    ----------
    file : the file's name, for messages and the source
    source : where the prices come from; None names the file

    Raises
    ------
    InvalidFile
        With every mistake found (at most 20) by line, date and field.
    """
    content = data if isinstance(data, bytes) else data.read(max_mib * _MIB + 1)
    _check_size(len(content), file, max_mib)
    if content.startswith(b"PAR1"):
        from backtest.prices.parquet_file import parse_parquet  # pyarrow loads slowly

        return parse_parquet(content, file=file, symbol=symbol, source=source)
    return parse_csv(content, file=file, symbol=symbol, source=source, max_bytes=max_mib * _MIB)


def _check_size(size: int, file: str, max_mib: int) -> None:
    if size > max_mib * _MIB:
        raise InvalidFile(f"has {size / _MIB:.0f} MiB or more; at most {max_mib} MiB are allowed", file=file)
