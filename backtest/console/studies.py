"""The commands `sweep` and `walk-forward`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtest.console.printable import show
from backtest.console.run_arguments import Report, add_arguments, pair, progress, raw_request
from backtest.errors import FieldError, InvalidRequest
from backtest.prices.library import Library

if TYPE_CHECKING:
    from backtest.prices.dataset import Dataset
    from backtest.studies.request import StudyRequest
    from backtest.studies.result import StudyResult

_OPTIONS = ("symbols_mode", "sampler", "max_trials", "seed", "objective", "minimum_trades", "holdout_pct")
_WINDOWS = ("train_bars", "test_bars", "anchored")


def add_commands(commands: Any) -> None:
    """Add both commands to those of the program."""
    sweep = commands.add_parser("sweep", help="run one backtest for every combination of a search space")
    walk = commands.add_parser("walk-forward", help="choose settings on training bars, trade the bars behind")
    for parser in (sweep, walk):
        _add_study(parser)
    walk.add_argument("--train-bars", required=True, metavar="INT", help="bars on which settings are chosen")
    walk.add_argument("--test-bars", required=True, metavar="INT", help="bars that they trade, and the step")
    walk.add_argument("--anchored", action="store_true", help="every training begins at the first bar")


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_study)
    add_arguments(parser)
    parser.add_argument(
        "--space", action="append", required=True, metavar="NAME=VALUES",
        help="may be repeated: fast=2:100, slow=5:200:5, kind=sma,ema, constants.n=5:50, stop_loss_pct=2,4,8",
    )  # fmt: skip
    for name in _OPTIONS:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=name.upper())
    parser.add_argument("--top", type=int, default=10, metavar="INT", help="trials to print (default: 10)")
    parser.add_argument("--png", type=Path, metavar="FILE", help="write a heatmap of the objective")
    parser.add_argument("--json", action="store_true", help="print the whole summary as JSON")


def _study(arguments: argparse.Namespace) -> None:
    from backtest.studies.request import StudyRequest

    library = Library(arguments.library)
    request = StudyRequest.parse(raw_study(arguments)).spelled(library.symbols())
    run = request.run
    symbols = [*run.symbols, *([run.benchmark] if run.benchmark else [])]
    datasets = {symbol: library.get(symbol) for symbol in symbols}
    with progress() as report:
        result = executed(request, datasets, report)
    if arguments.png:
        from backtest.console.heatmap import write

        write(request, result, arguments.png)
    show(_as_json(request, result) if arguments.json else _as_text(request, result, arguments.top))


def executed(request: StudyRequest, datasets: Mapping[str, Dataset], report: Report | None) -> StudyResult:
    """Execute a study in this process."""
    from backtest.studies.compute import compute_chunk
    from backtest.studies.plan import plan
    from backtest.studies.result import finish

    planned = plan(request)

    def advance(rows: int) -> None:
        if report:
            report("simulating", 0.95 * rows / planned.rows)

    chunk = compute_chunk(request, datasets, 0, 1, planned=planned, on_progress=advance)
    return finish(request, datasets, [chunk], planned=planned)


def raw_study(arguments: argparse.Namespace) -> dict[str, Any]:
    """The request of a study as its arguments have it, not parsed yet."""
    given = {name: getattr(arguments, name) for name in _OPTIONS}
    raw = raw_request(arguments) | {name: value for name, value in given.items() if value is not None}
    if hasattr(arguments, "train_bars"):
        raw["walk_forward"] = {name: getattr(arguments, name) for name in _WINDOWS}
    return raw | {"space": _space(arguments.space)}


def _space(texts: list[str]) -> dict[str, Any]:
    """The search space of ``NAME=VALUES``: a short name is a parameter of the rule."""
    from backtest.studies.space import RUN_FIELDS

    space: dict[str, Any] = {}
    for text in texts:
        short, written = pair(text, "space")
        name = short if short in RUN_FIELDS or short.startswith("params.") else f"params.{short}"
        if name in space:
            raise InvalidRequest([FieldError(f"space.{name}", "is given twice", text)])
        space[name] = _values(name, written)
    return space


def _values(name: str, written: str) -> Any:
    """A list of ``a,b,c``, a range of ``from:to`` or ``from:to:step``; off is no value at all."""
    if ":" not in written:
        return [None if part.strip() == "off" else part.strip() for part in written.split(",")]
    bounds = written.split(":")
    if len(bounds) > 3:
        raise InvalidRequest([FieldError(f"space.{name}", f"must be from:to:step, got {written!r}", written)])
    return dict(zip(("from", "to", "step"), [*bounds, "1"], strict=False))


def _as_json(request: StudyRequest, result: StudyResult) -> str:
    return json.dumps({"request": request.as_json(), **result.summary}, indent=2)


def _as_text(request: StudyRequest, result: StudyResult, top: int) -> str:
    from backtest.console.study_text import text

    return text(request, result, top)
