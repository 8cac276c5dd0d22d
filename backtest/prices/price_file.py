"""Reads a price file from the disk, for the command lines."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtest.errors import InvalidFile
from backtest.prices.dataset import Dataset
from backtest.prices.reading.options import CHOICES, HELP, ReadOptions
from backtest.prices.symbols import symbol_of_file

if TYPE_CHECKING:
    from backtest.prices.reading.reading import Reading

MAX_FILE_MIB = 64
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
    default = symbol_of_file(path.name)
    return read_prices(content, file=path.name, symbol=symbol, default_symbol=default, options=options)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, its symbol, and an argument for each reading option."""
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--symbol", help="name of the symbol (default: the file's own tickers, else its name)"
    )
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
        lines += [f"  {repair.told(repair.count)}" for repair in prices.repairs]
        lines += [f"  {prices.volume}"] if prices.volume else []
    return "\n".join(lines)


def add_split_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the symbol, date and ratio of a split."""
    parser.add_argument("symbol")
    parser.add_argument("date", help="first bar after the split, as 2020-08-31")
    parser.add_argument("ratio", help="new shares for old ones, as 4:1; 1:10 for a reverse split")


def described_split(applied: Dataset) -> str:
    """The split that was applied last, as a line for a terminal."""
    split = applied.origin.splits[-1]
    return (
        f"{applied.symbol}: prices before {split.date} divided and volumes multiplied for a {split.ratio} split, "
        f"data hash {applied.data_hash[:12]}"
    )
