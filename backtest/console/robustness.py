"""The command `robustness`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from backtest.console.printable import show
from backtest.console.run_arguments import add_arguments, raw_request
from backtest.plural import counted
from backtest.prices.library import Library
from backtest.run.request import RunRequest

_UNDEFINED = "–"


def add_command(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "robustness", help="ask what of a run's result survives other costs, fills, chance"
    )
    parser.set_defaults(command=_robustness)
    add_arguments(parser)
    parser.add_argument(
        "--seed", type=int, default=0, metavar="INT", help="of everything random (default: 0)"
    )
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")


def _robustness(arguments: argparse.Namespace) -> None:
    from backtest.robustness import robustness

    library = Library(arguments.library)
    request = RunRequest.parse(raw_request(arguments)).spelled(library.symbols())
    symbols = [*request.symbols, *([request.benchmark] if request.benchmark else [])]
    found = robustness(request, {symbol: library.get(symbol) for symbol in symbols}, seed=arguments.seed)
    show(json.dumps(found, indent=2) if arguments.json else "\n".join(_lines(found)))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield found["verdict"]
    yield ""
    for part in found["costs"]:
        yield _row(f"Costs × {part['multiple']}", part["figures"])
    for part in found["fills"]:
        yield _row(f"Fill {part['fill']}", part["figures"])
    begun = [part["figures"]["total_return"] for part in found["starts"]]
    known = [value for value in begun if value is not None]
    if known:
        yield f"{'Other first bars':24}{min(known):>10.2%} to {max(known):.2%} in {len(begun)} starts"
    for name, part in found["break_even"].items():
        bps = part["bps"]
        yield f"{f'Break-even, {name}':24}" + (part["reason"] if bps is None else f"{bps:>10.1f} bps a side")
    yield from _chance(found)


def _chance(found: Mapping[str, Any]) -> Iterator[str]:
    if bands := found["bands"]:
        yield _band("Annual return, resampled", bands["annual_return"])
        yield _band("Max drawdown, resampled", bands["max_drawdown"])
    if luck := found["luck"]:
        yield f"{'Random entries':24}{luck['share_below']:>10.1%} of {luck['paths']:,} had less"
    if deflated := found["deflated"]:
        yield f"{'Deflated Sharpe ratio':24}{deflated['probability']:>10.1%} of {counted(deflated['trials'], 'trial')}"
    for name, reason in found["reasons"].items():
        yield f"{name:24}{_UNDEFINED:>10} {reason}"


def _row(name: str, figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return f"{name:24}{_UNDEFINED:>10}"
    ratio = figures["sharpe_ratio"]
    shown = _UNDEFINED if ratio is None else f"{ratio:.2f}"
    return f"{name:24}{_percent(figures['total_return']):>10}  Sharpe {shown}"


def _band(name: str, band: Mapping[str, float]) -> str:
    return f"{name:24}{band['p50']:>10.2%}, in 90 % of the paths {band['p5']:.2%} to {band['p95']:.2%}"


def _percent(value: float | None) -> str:
    return _UNDEFINED if value is None else f"{value:.2%}"
