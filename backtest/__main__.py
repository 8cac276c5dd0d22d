"""The command line: run a backtest, list what can be run, import prices. Needs no web and no database."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backtest import rules
from backtest.console import robustness, studies
from backtest.console.printable import show
from backtest.console.run_arguments import add_arguments, option, progress, raw_request
from backtest.errors import BacktestError, InvalidRequest
from backtest.prices import price_file
from backtest.prices.library import Library
from backtest.prices.splits import apply_split
from backtest.run.request import RunRequest

if TYPE_CHECKING:
    from backtest.run.outcome import Outcome

BAD_INPUT = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Execute a command; returns 0 when done, 2 for an error in the input."""
    arguments = _parser().parse_args(argv)
    rules.allow_installed()
    try:
        arguments.command(arguments)
    except InvalidRequest as invalid:
        for error in invalid.errors:
            show(f"error: {option(error.field)}: {error.message}", file=sys.stderr)
        return BAD_INPUT
    except BacktestError as error:
        show(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backtest", description=__doc__)
    parser.add_argument(
        "--library", type=Path, default=Path(os.environ.get("LIBRARY_DIR", "var/library")), metavar="DIR",
        help="folder of imported prices (default: $LIBRARY_DIR or var/library)",
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="run one backtest and print its metrics"))
    studies.add_commands(commands)
    robustness.add_command(commands)
    listing = commands.add_parser("rules", help="list the rules with their parameters")
    listing.set_defaults(command=_list_rules)
    symbols = commands.add_parser("symbols", help="list the symbols with their date range")
    symbols.set_defaults(command=_list_symbols)
    importing = commands.add_parser("import", help="import a CSV or Parquet file of prices")
    price_file.add_arguments(importing)
    importing.set_defaults(command=_import)
    splitting = commands.add_parser("split", help="apply a split that imported prices are not adjusted for")
    price_file.add_split_arguments(splitting)
    splitting.set_defaults(command=_split)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_run)
    add_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="print the whole result, trades and curves included, as JSON"
    )


def _run(arguments: argparse.Namespace) -> None:
    from backtest.run.outcome import run

    library = Library(arguments.library)
    request = RunRequest.parse(raw_request(arguments)).spelled(library.symbols())
    symbols = [*request.symbols, *([request.benchmark] if request.benchmark else [])]
    datasets = {symbol: library.get(symbol) for symbol in symbols}
    with progress() as report:
        outcome = run(request, datasets, on_progress=report)
    show(_as_json(request, outcome) if arguments.json else _as_table(request, outcome))


def _as_json(request: RunRequest, outcome: Outcome) -> str:
    from backtest.console.full_result import full_result

    return full_result(request.as_json(), outcome.summary, outcome.tables)


def _as_table(request: RunRequest, outcome: Outcome) -> str:
    from backtest.console.table import table

    return table(request, outcome.summary)


def _list_rules(arguments: argparse.Namespace) -> None:
    for name in rules.names():
        rule = rules.get(name)
        show(f"{name}: {rule.help}")
        for field in rule.params:
            default = "required" if field.required else f"default {field.default}"
            show(f"    {field.name:<14} {field.allowed} ({default}). {field.help}")
    for broken in rules.broken():
        show(f"warning: {broken}", file=sys.stderr)


def _list_symbols(arguments: argparse.Namespace) -> None:
    library = Library(arguments.library)
    print(f"{'symbol':<12} {'from':<10} {'to':<10} {'bars':>7}  source")
    for symbol in library.symbols():
        dataset = library.get(symbol)
        times = dataset.bars.times
        first, last = str(times[0])[:10], str(times[-1])[:10]
        show(f"{symbol:<12} {first} {last} {len(times):>7}  {dataset.source}")


def _import(arguments: argparse.Namespace) -> None:
    reading = price_file.read_arguments(arguments)
    library = Library(arguments.library)
    for prices in reading.symbols:
        library.add(prices.dataset)
    show(price_file.described(reading))


def _split(arguments: argparse.Namespace) -> None:
    library = Library(arguments.library)
    applied = apply_split(library.get(arguments.symbol, field="symbol"), arguments.date, arguments.ratio)
    library.add(applied)
    show(price_file.described_split(applied))


if __name__ == "__main__":
    sys.exit(main())
