"""The arguments of a run on the command line, which studies take too, and the request that they make."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from backtest.errors import FieldError, InvalidRequest
from backtest.run.request import OPTION_FIELDS

Report = Callable[[str, float], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every input of a run."""
    parser.add_argument("--symbol", action="append", required=True, help="may be repeated")
    parser.add_argument("--rule", required=True, help="see: python -m backtest rules")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    parser.add_argument("--start", required=True, metavar="YYYY-MM-DD")
    parser.add_argument("--end", required=True, metavar="YYYY-MM-DD")
    for field in OPTION_FIELDS:
        default = "" if field.default is None else f" (default: {field.default})"
        text = (field.help + default).replace("%", "%%")
        parser.add_argument(f"--{field.name.replace('_', '-')}", help=text, metavar=field.kind.upper())
    parser.add_argument("--benchmark", metavar="SYMBOL")


def option(field: str) -> str:
    """The name under which the command line knows a field of a request."""
    options = {"symbols": "--symbol", "rule_type": "--rule", "start_date": "--start", "end_date": "--end"}
    for prefix, name in (("params.", "--param"), ("space.", "--space")):
        if field.startswith(prefix):
            return f"{name} {field.removeprefix(prefix)}"
    return options.get(field, f"--{field.removeprefix('walk_forward.').replace('_', '-')}")


def raw_request(arguments: argparse.Namespace) -> dict[str, Any]:
    """The request of a run as its arguments have it, not parsed yet."""
    given = {field.name: getattr(arguments, field.name) for field in OPTION_FIELDS}
    return {
        "symbols": arguments.symbol,
        "rule_type": arguments.rule,
        "params": dict(pair(text, "param") for text in arguments.param),
        "start_date": arguments.start,
        "end_date": arguments.end,
        "benchmark": arguments.benchmark,
    } | {name: value for name, value in given.items() if value is not None}


def pair(text: str, field: str) -> tuple[str, str]:
    """Name and value of ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidRequest([FieldError(field, f"must be NAME=VALUE, got {text!r}", text)])
    return name, value


@contextmanager
def progress() -> Iterator[Report | None]:
    """A bar on a terminal, told the stage and the fraction that is done; None where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=100, delay=0.5, leave=False, bar_format="{desc:<12} {percentage:3.0f}% {bar}") as bar:

        def report(stage: str, fraction: float) -> None:
            bar.set_description_str(stage)
            bar.update(round(100 * fraction) - bar.n)

        yield report
