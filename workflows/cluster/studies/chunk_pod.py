"""The chunk step in a pod: its share of the trials executed, prices read-only, the result for Argo as one file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from backtest import rules
from config.exit_codes import Exit
from config.settings import Settings
from workflows.cluster import failure_messages, pod_memory
from workflows.cluster.studies import assignment, executing
from workflows.steps import step, work


def main(argv: Sequence[str] | None = None) -> int:
    """Execute the share of pod `--pod`; a failure leaves a termination message."""
    rules.allow_installed()
    parser = step.parser("chunk", __doc__, bundle="the assignment")
    parser.add_argument("--pod", required=True, type=int, metavar="I", help="which pod this is, from 0 on")
    parser.add_argument("--part", required=True, type=Path, metavar="FILE", help="where the chunks go")
    arguments = parser.parse_args(argv)
    return step.run(
        "chunk",
        arguments.run_id,
        lambda settings: _run(settings, arguments),
        on_error=lambda error: work.failed(error, failure_messages.leave),
    )


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    pod_memory.limit(os.environ)
    assigned = assignment.read(arguments.bundle, arguments.run_id)
    prices = executing.prices_of(settings, assigned)
    executing.write_part(assigned, prices, arguments.pod, arguments.part)
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
