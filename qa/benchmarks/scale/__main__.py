"""Fill a private database to the size of years of use and measure what pages ask of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from qa.argo_scale import section
from qa.benchmarks.scale import plans, pollers
from qa.benchmarks.scale.page import page
from qa.benchmarks.scale.seed import Seeded, Size, fill
from qa.harness import mysql
from qa.harness.environment import PRODUCTION, TestEnvironment
from store import schema
from store.session import Database

PAGE = Path("docs/scale.md")
_LISTS = (
    "", "status=FAILED", "rule_type=RSI", "symbol=SP500", "symbol=SYM190", "starred=true",
    "sort=sharpe_ratio", "sort=total_return&rule_type=MACD", "created_from=2025-06-01&created_to=2025-06-30",
)  # fmt: skip


def main() -> int:
    """0 when everything was measured and no answer failed, 1 when one did."""
    arguments = _arguments()
    began = time.monotonic()

    def progress(step: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {step}", file=sys.stderr, flush=True)

    options = (
        f"--innodb-buffer-pool-size={arguments.buffer_pool_mib}M", "--innodb-log-file-size=512M",
        "--innodb-flush-log-at-trx-commit=2",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="scale-") as folder, mysql.running(*options) as server:
        environment = TestEnvironment(server.url(), Path(folder) / "environment", workers=0, seed=False)
        try:
            text_of_page, failures = _measure(arguments, environment, progress)
        finally:
            environment.stop()
    print(text_of_page)
    if arguments.output:
        arguments.output.write_text(text_of_page + section.kept(arguments.output), encoding="utf-8")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m qa.benchmarks.scale", description=__doc__)
    for name, default, help_text in (
        ("runs", 100_000, "runs in the database"),
        ("trades", 5_000_000, "trades in the database"),
        ("results", 2_000, "runs that have a whole result"),
        ("heavy-trades", 100_000, "trades of the one run that has very many"),
        ("pollers", 50, "clients at once, at most 500"),
        ("seconds", 20, "time of each round of polling, at most 300"),
        ("processes", 1, "processes of the web server"),
        ("buffer-pool-mib", 512, "memory that the database keeps pages in"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{help_text} (default {default:,})")
    parser.add_argument("--output", type=Path, default=PAGE, help=f"default: {PAGE}")
    arguments = parser.parse_args()
    arguments.pollers, arguments.seconds = min(arguments.pollers, 500), min(arguments.seconds, 300)
    return arguments


def _measure(
    arguments: argparse.Namespace, environment: TestEnvironment, progress: Callable[[str], None]
) -> tuple[str, int]:
    database = environment.database
    schema.upgrade(database.engine)
    size = Size(
        runs=arguments.runs, trades=arguments.trades, results=arguments.results,
        heavy_trades=min(arguments.heavy_trades, arguments.trades),
    )  # fmt: skip
    began = time.monotonic()
    seeded = fill(database, size, progress)
    fill_seconds = time.monotonic() - began
    measured = list(plans.measure(database, seeded))
    progress("plans")
    latencies = _polled(arguments, environment, seeded, progress)
    facts: dict[str, object] = {
        "runs": size.runs, "trades": size.trades, "heavy": size.heavy_trades, "results": len(seeded.with_result),
        "pool": arguments.buffer_pool_mib, "fill_seconds": fill_seconds,
    }  # fmt: skip
    load = {"pollers": arguments.pollers, "processes": arguments.processes}
    text_of_page = page(measured, latencies, **load, **facts, **_facts(database))
    return text_of_page, sum(one.failures for one in latencies)


def _polled(
    arguments: argparse.Namespace,
    environment: TestEnvironment,
    seeded: Seeded,
    progress: Callable[[str], None],
) -> list[pollers.Latencies]:
    environment.start(**PRODUCTION, LOG_LEVEL="WARNING", WEB_CONCURRENCY=str(arguments.processes))
    latencies = []
    for pause in (1.0, 0.0):
        for question in _questions(seeded):
            answered = pollers.poll(
                environment.port,
                question,
                pollers=arguments.pollers,
                seconds=arguments.seconds,
                pause_seconds=pause,
            )
            quantiles = f"p50 {answered.median:.0f} ms, p99 {answered.p99:.0f} ms"
            progress(f"{answered.what}, pause {pause:g} s: {quantiles}")
            latencies.append(answered)
    return latencies


def _questions(seeded: Seeded) -> list[pollers.Question]:
    status = "`GET /status/<id>?charts=false`"
    finished = [f"/status/{run_id}?charts=false" for run_id in seeded.with_result[1:]]
    waiting = [f"/status/{run_id}?charts=false" for run_id in seeded.waiting]
    return [
        pollers.Question(f"{status} of runs that wait or run", waiting),
        pollers.Question(f"{status} of a finished run, asked again with its ETag", finished, same=True),
        pollers.Question(f"{status} of finished runs, whole, another one each time", finished),
        pollers.Question("`GET /api/runs`", ["/api/runs"]),
        pollers.Question(
            "`GET /api/runs` with filters and sorts", [f"/api/runs?{query}" for query in _LISTS]
        ),
    ]


def _facts(database: Database) -> dict[str, object]:
    with database.engine.connect() as connection:
        version = connection.scalar(text("SELECT VERSION()"))
        size = connection.scalar(
            text(
                "SELECT SUM(data_length + index_length) / 1048576 FROM information_schema.tables "
                "WHERE table_schema = DATABASE()"
            )
        )
    return {"server": version, "size_mib": float(size or 0)}


if __name__ == "__main__":
    sys.exit(main())
