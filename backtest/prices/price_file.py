"""Price files: those that the command lines name, and the bytes that the web receives."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from backtest.errors import InvalidFile
from backtest.prices.csv_file import MAX_FILE_MIB, parse_csv
from backtest.prices.dataset import Dataset
from backtest.prices.reading.options import CHOICES, HELP, ReadOptions

if TYPE_CHECKING:
    from backtest.prices.reading.reading import Reading, SymbolPrices

_MIB = 1 << 20


def read_file(
    path: Path, *, symbol: str | None = None, options: ReadOptions | None = None, max_mib: int = MAX_FILE_MIB
) -> Reading:
    """Read every symbol of the file at `path`.

    Raises
    ------
    InvalidFile
        Before reading where the file is too large; otherwise as `read_prices` does.
    """
    from backtest.prices.reading.reader import read_prices  # Arrow loads slowly

    try:
        size = path.stat().st_size
        if size > max_mib * _MIB:
            raise InvalidFile(f"has {size / _MIB:.0f} MiB; at most {max_mib} MiB are allowed", file=path.name)
        content = path.read_bytes()
    except OSError as error:
        raise InvalidFile(error.strerror or "cannot be read", file=str(path)) from error
    reading = read_prices(content, file=path.name, symbol=symbol, options=options)
    for prices in reading.symbols:
        _require_volume(prices, path.name)
    return reading


def _require_volume(prices: SymbolPrices, file: str) -> None:
    """Rules that use volume would never trade on an unknown one, and nothing would say so."""
    unknown = int(np.isnan(prices.dataset.bars.volume).sum())
    if unknown:
        raise InvalidFile(
            f"is unknown in {unknown:,} of {len(prices.dataset):,} rows of {prices.dataset.symbol}; "
            "fill it in, with 0 where nothing was traded",
            file=file, field="volume",
        )  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, its symbol, and an argument for each reading option."""
    parser.add_argument("file", type=Path)
    parser.add_argument("--symbol", help="name of the symbol (default: the file's own tickers)")
    for option in fields(ReadOptions):
        choices = CHOICES.get(option.name)
        shown = f"{HELP[option.name]} ({', '.join(choices)})" if choices else HELP[option.name]
        parser.add_argument(f"--{option.name.replace('_', '-')}", help=shown, metavar="VALUE")


def read_arguments(arguments: argparse.Namespace) -> Reading:
    """Read the file that the arguments of `add_arguments` name."""
    given: dict[str, Any] = {option.name: getattr(arguments, option.name) for option in fields(ReadOptions)}
    return read_file(arguments.file, symbol=arguments.symbol, options=ReadOptions.parse(given))


def described(reading: Reading) -> str:
    """What was understood of a file and what became of it, as lines for a terminal."""
    looks = ", ".join(filter(None, (reading.source, reading.format, reading.encoding)))
    columns = ", ".join(f"{name} = {column}" for name, column in reading.columns.items())
    lines = [f"{reading.file}: {looks}; {reading.rows:,} rows", f"  columns: {columns}"]
    lines.append(f"  dates: {reading.dates}, {reading.zone}")
    lines += [f"  {text}" for text in (reading.adjusted, *reading.remarks) if text]
    for prices in reading.symbols:
        times = prices.dataset.bars.times
        first, last = str(times[0])[:10], str(times[-1])[:10]
        lines.append(
            f"{prices.dataset.symbol}: {len(times)} bars, {first} to {last}, timeframe {prices.dataset.timeframe}, "
            f"data hash {prices.dataset.data_hash[:12]}"
        )
        lines += [f"  {repair.count:,} {repair.text}: {repair.action}" for repair in prices.repairs]
        lines += [] if prices.volume_known else ["  volume is unknown"]
    return "\n".join(lines)


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
