"""How long a ten-year run takes from the submission to SUCCEEDED, as a client sees it: `make bench-latency`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from qa import machine
from qa.examples import TEN_YEARS
from qa.harness.environment import DATABASE_KINDS, PRODUCTION, TestEnvironment, running_on

PAGE = Path("docs/latency.md")
_POLL_SECONDS, _REST_SECONDS, _WARM_UP = 0.005, 0.05, 5


def main() -> int:
    """Measure on SQLite and on a private MySQL, one worker and one run at a time; write the page."""
    parser = argparse.ArgumentParser(prog="python -m qa.benchmarks.latency", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="runs on each database (default 200)")
    parser.add_argument("--output", type=Path, default=PAGE, help=f"default: {PAGE}")
    arguments = parser.parse_args()
    rows = []
    for kind in DATABASE_KINDS:
        with (
            tempfile.TemporaryDirectory(prefix="latency-") as folder,
            running_on(kind, Path(folder), PRODUCTION) as environment,
        ):
            rows.append(_row(kind, _measure(environment, arguments.runs)))
        print(rows[-1], file=sys.stderr, flush=True)
    arguments.output.write_text(_page(rows), encoding="utf-8")
    return 0


def _measure(environment: TestEnvironment, runs: int) -> list[float]:
    for _ in range(_WARM_UP):
        _seconds_of_one(environment)
    return [_seconds_of_one(environment) for _ in range(runs)]


def _seconds_of_one(environment: TestEnvironment) -> float:
    time.sleep(_REST_SECONDS)
    run_id, started = str(uuid.uuid4()), time.perf_counter()
    status, answer = environment.request("POST", "/run_backtest", TEN_YEARS | {"run_id": run_id})
    while status == 202 or answer["status"] in ("PENDING", "RUNNING"):
        time.sleep(_POLL_SECONDS)
        status, answer = environment.request("GET", f"/status/{run_id}?charts=false")
    if answer["status"] != "SUCCEEDED":
        raise RuntimeError(f"run {run_id} ended as {answer['status']}: {answer['error_message']}")
    return time.perf_counter() - started


def _row(kind: str, taken: list[float]) -> str:
    quantiles = (min(taken), median(taken), sorted(taken)[int(len(taken) * 0.99)], max(taken))
    cells = " | ".join(f"{quantile * 1_000:.0f} ms" for quantile in quantiles)
    return f"| {kind} | {len(taken)} | {cells} |"


def _page(rows: list[str]) -> str:
    head = (
        "# From submission to result\n\n"
        "Written by `make bench-latency` (`python -m qa.benchmarks.latency`).\n\n"
        "A ten-year daily run (S&P 500, 2,516 bars, averages of 10 and 30 days) is submitted over HTTP to a web\n"
        f"tier and one warm worker; a client asks every {_POLL_SECONDS * 1_000:.0f} ms until it reads SUCCEEDED "
        "with its figures. One run\nat a time.\n\n"
    )
    measured = f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine.facts()}.\n\n"
    table = "| database | runs | shortest | median | 99 of 100 | longest |\n|---|---|---|---|---|---|\n"
    return head + measured + table + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
