"""Measure our engine and its peers in one run and write the page; fails when they do not trade alike."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from qa.benchmarks.plan import PARTS, QUICK, WHOLE
from qa.benchmarks.run import Run

PAGE = Path("docs/benchmarks.md")


def main() -> int:
    """0 when all engines agree, 1 when one does not."""
    parser = argparse.ArgumentParser(prog="python -m qa.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer engines and repetitions")
    parser.add_argument(
        "--only", nargs="+", choices=tuple(PARTS), help="measure these parts alone, and write to the screen"
    )
    parser.add_argument("--output", type=Path, help=f"default: {PAGE}, with --quick the screen")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else WHOLE
    if arguments.only:
        effort = replace(effort, works=tuple(work for part in arguments.only for work in PARTS[part]))
    output = arguments.output or (None if arguments.quick or arguments.only else PAGE)
    started = time.perf_counter()

    def progress(step: str) -> None:
        print(f"{time.perf_counter() - started:5.0f} s  {step}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        run = Run(effort, Path(folder), progress)
        return _report(run.everything(), output)


def _report(results: dict, output: Path | None) -> int:
    """Write the page; only now is there room for NumPy."""
    from qa.benchmarks.agreement import checks
    from qa.benchmarks.report import page

    agreement = checks(results)
    text = page(results, agreement)
    if output is None:
        print(text)
    else:
        output.write_text(text, encoding="utf-8")
        print(f"written to {output}", file=sys.stderr)
    apart = [check for check in agreement if not check.holds]
    for check in apart:
        print(f"disagrees: {check.work}, {check.engine}: {check.detail}", file=sys.stderr)
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
