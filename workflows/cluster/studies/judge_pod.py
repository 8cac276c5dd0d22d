"""The judge step in a pod: the statistics over all chunks, for which trials are executed again, prices read-only.

A study that one pod is enough for has its chunks executed here as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backtest import rules
from backtest.errors import BacktestError
from backtest.prices.dataset import Dataset
from backtest.studies.chunk import Chunk
from backtest.studies.result import finish
from config import logs
from config.settings import Settings
from workflows import failpoints
from workflows.cluster.studies import executing, parts
from workflows.cluster.studies.assignment import Assignment
from workflows.errors import BundleError
from workflows.failures import snake_case
from workflows.steps import step

log = logs.get(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Write what the study found, or why it has no result; a failure of another kind leaves a termination message."""
    rules.allow_installed()
    parser = step.parser("judge", __doc__, bundle="the assignment")
    parser.add_argument("--parts", required=True, type=Path, metavar="DIR", help="what the chunk pods wrote")
    parser.add_argument("--part", required=True, type=Path, metavar="FILE", help="where chunks of its own go")
    parser.add_argument("--result", required=True, type=Path, metavar="FILE", help="where the result goes")
    arguments = parser.parse_args(argv)
    return executing.run("judge", arguments, lambda settings, assigned: _run(settings, arguments, assigned))


def _run(settings: Settings, arguments: argparse.Namespace, assigned: Assignment) -> None:
    if not assigned.is_last:
        log.info("chunks are left for another workflow, nothing to judge")
        return
    prices = executing.prices_of(settings, assigned)
    if assigned.fans_out:
        paths = [arguments.parts / str(pod) for pod in range(assigned.pods)]
    else:
        executing.write_part(assigned, prices, 0, arguments.part)
        paths = [arguments.part]
    found = [*assigned.known, *_chunks(assigned, paths)]
    arguments.result.write_text(json.dumps(_judged(assigned, prices, found), allow_nan=False), "utf-8")


def _chunks(assigned: Assignment, paths: Sequence[Path]) -> Iterator[Chunk]:
    """The chunks that the persist step will store: it reads them in the same way."""
    for pod, path in enumerate(paths):
        if not path.is_file():
            continue
        try:
            yield from _of_part(assigned, path, assigned.share(pod))
        except BundleError as error:
            log.error("part left out", pod=pod, error=str(error))


def _of_part(assigned: Assignment, path: Path, expected: Sequence[int]) -> Iterator[Chunk]:
    most = parts.most_bytes(assigned.planned, assigned.chunks, windows=assigned.windows)
    for number, content in parts.read(path, expected, most=most):
        if isinstance(content, bytes):
            yield parts.checked(content, assigned.planned, number, assigned.chunks, windows=assigned.windows)


def _judged(assigned: Assignment, prices: Mapping[str, Dataset], found: Sequence[Chunk]) -> dict[str, Any]:
    """The result as JSON, or the failure; without a chunk neither: the persist step says what is missing."""
    if not found:
        return {}
    planned = assigned.planned
    try:
        result = finish(planned.request, prices, found, planned=planned, before=assigned.before)
    except BacktestError as error:
        log.warning("study cannot be judged", error=str(error))
        return {"error_code": snake_case(type(error).__name__), "error_message": logs.redacted(str(error))}
    failpoints.hit("study-judged")
    return {"summary": result.summary}


if __name__ == "__main__":
    sys.exit(main())
