"""Prove that two checkouts of the product give the same answers: `python -m qa.compare_answers OLD NEW`.

Each checkout's product is started with a database of its own, and both are sent the same requests. Status, headers,
JSON, tables, result hashes, exit codes, rendered manifests and the engine's files must be equal, or the exit code
is 1. Texts in JSON and on pages may be reworded: their differences are listed, and fail with --strict only.
Values that differ between any two executions (ids, timestamps, durations, ETags, secrets, asset versions) are masked.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from qa.compare import commands, files, manifests
from qa.compare.corpus import access, bad_requests, changes, prices, protocol, reading, submissions
from qa.compare.corpus.catalogue import Catalogue
from qa.compare.product import Product
from qa.compare.report import Kind, Report
from qa.compare.steps import Runner, Step
from qa.compare.tree import Tree

_UPLOAD_MIB, _REQUEST_KIB = 4, 64
_LIMITS = {
    "MAX_UPLOAD_MIB": str(_UPLOAD_MIB),
    "MAX_REQUEST_KIB": str(_REQUEST_KIB),
    "MAX_RESULT_MIB": "1",
    "MAX_BARS_PER_RUN": "70000",
    "MAX_SYMBOLS_PER_RUN": "10",
    "MAX_PARAMS_PER_RUN": "10",
}
"""Low limits, so that small requests can exceed them."""
_EXECUTED_AFTER = "pending"
"""Execution of runs is paused until the end of this part, so that answers about pending runs are deterministic."""
_TOKEN = re.compile(r"^\s*(\S{24,})\s*$", re.MULTILINE)

_Steps = Callable[[Catalogue], Iterator[Step]]
_STAGES: Mapping[str, _Steps] = {
    "protocol": lambda _: protocol.steps(),
    "datasets": lambda _: prices.steps(most_mib=_UPLOAD_MIB),
    "submissions": submissions.steps,
    "bad-requests": lambda catalogue: bad_requests.steps(catalogue, most_kib=_REQUEST_KIB),
    "pending": submissions.waiting_steps,
    "results": reading.results,
    "exports": reading.exports,
    "changes": lambda _: changes.steps(),
    "lists": reading.lists,
    "strategies": lambda _: changes.presets(),
    "pages": reading.pages,
}
"""The parts that are sent to a running product, in order; each depends on those before it."""
_WITHOUT_PRODUCT = {"files": files.compare, "manifests": manifests.compare, "cli": commands.compare}
_ACCESS = "access"
PARTS = (*_WITHOUT_PRODUCT, *_STAGES, _ACCESS)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare the checkouts; 0 if the answers are equal, 1 if they differ."""
    arguments = _parser().parse_args(argv)
    selected, strict = frozenset(arguments.only or PARTS), arguments.strict
    python = shutil.which(arguments.python) or arguments.python
    report = Report()
    with tempfile.TemporaryDirectory(prefix="compare-answers-") as folder:
        trees = [
            Tree(path.resolve(), os.path.abspath(python), _made(Path(folder) / name))
            for name, path in (("old", arguments.old), ("new", arguments.new))
        ]
        _compare(trees, report, selected)
    print("\n".join(report.lines(arguments.limit)))
    failing = tuple(Kind) if strict else (Kind.STRUCTURE,)
    return 1 if any(report.count(kind) for kind in failing) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qa.compare_answers",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("old", type=_tree, help="the reference checkout")
    parser.add_argument("new", type=_tree, help="the checkout to verify")
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter for both checkouts (default: the current one)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=PARTS,
        metavar="PART",
        help=f"compare only this part; repeatable. One of: {', '.join(PARTS)}",
    )
    parser.add_argument(
        "--limit", type=int, default=300, help="list at most so many changes of each kind (default: 300)"
    )
    parser.add_argument("--strict", action="store_true", help="also fail if texts or pages differ")
    return parser


def _tree(text: str) -> Path:
    path = Path(text)
    if not (path / "app.py").is_file():
        raise argparse.ArgumentTypeError(f"{text} is not a checkout of the product: it has no app.py")
    return path


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _compare(trees: Sequence[Tree], report: Report, selected: frozenset[str]) -> None:
    for part, compare in _WITHOUT_PRODUCT.items():
        if part in selected:
            with _timed(part):
                compare(trees, report)
    if selected & {*_STAGES}:
        _compare_products(trees, report, selected)
    if _ACCESS in selected:
        _compare_access(trees, report, selected)


def _compare_products(trees: Sequence[Tree], report: Report, selected: frozenset[str]) -> None:
    """Run every stage up to the last requested one."""
    with ExitStack() as stack:
        runner = _started(stack, trees, "product", _LIMITS, report, selected)
        catalogue = Catalogue.read(runner.products[0])
        runner.both(Product.pause)
        for part, steps in _STAGES.items():
            with _timed(part):
                runner.run(part, steps(catalogue))
            selected -= {part}
            if not selected & {*_STAGES}:
                return
            if part == _EXECUTED_AFTER:
                with _timed("waiting for the runs"):
                    runner.both(Product.resume)
                    runner.both(Product.wait_for_runs)


def _compare_access(trees: Sequence[Tree], report: Report, selected: frozenset[str]) -> None:
    with ExitStack() as stack:
        runner = _started(stack, trees, _ACCESS, access.VARIABLES, report, selected)
        with _timed(_ACCESS):
            runner.both(Product.pause)  # so that a submitted run is pending on every page
            runner.both(_create_tokens)
            runner.run(_ACCESS, access.steps())


def _create_tokens(product: Product) -> None:
    """Create a token of each scope, as an operator does."""
    for scope in access.SCOPES:
        output = product.command("-m", "store", "tokens", "create", "--name", scope, "--scope", scope)
        found = _TOKEN.search(output.out)
        if found is None:
            raise RuntimeError(f"no token was created: {output.err or output.out}")
        product.keep(f"token_{scope}", found[1])


def _started(
    stack: ExitStack,
    trees: Sequence[Tree],
    name: str,
    variables: Mapping[str, str],
    report: Report,
    selected: frozenset[str],
) -> Runner:
    """Start both products concurrently."""
    with _timed(f"starting {name}"):
        products = [stack.enter_context(Product(tree, name, variables)) for tree in trees]
        runner = Runner(products, report, selected)
        runner.both(Product.wait_until_ready)
    return runner


@contextmanager
def _timed(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
