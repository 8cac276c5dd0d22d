"""The chunk step in a pod: its share of the trials executed, prices read-only, the result for Argo as one file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from backtest import rules
from config.settings import Settings
from workflows.cluster.studies import executing
from workflows.cluster.studies.assignment import Assignment
from workflows.steps import step


def main(argv: Sequence[str] | None = None) -> int:
    """Execute the share of pod `--pod`; a failure leaves a termination message."""
    rules.allow_installed()
    parser = step.parser("chunk", __doc__, bundle="the assignment")
    parser.add_argument("--pod", required=True, type=int, metavar="I", help="which pod this is, from 0 on")
    parser.add_argument("--part", required=True, type=Path, metavar="FILE", help="where the chunks go")
    arguments = parser.parse_args(argv)

    def execute(settings: Settings, assigned: Assignment) -> None:
        prices = executing.prices_of(settings, assigned)
        executing.write_part(assigned, prices, arguments.pod, arguments.part)

    return executing.run("chunk", arguments, execute)


if __name__ == "__main__":
    sys.exit(main())
