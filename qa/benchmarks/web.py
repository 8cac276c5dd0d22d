"""What the web tier pays for a submission, and how soon it answers 50 typing users: `make bench-web`."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from qa import machine
from qa.benchmarks.market import walk
from qa.examples import TEN_YEARS
from qa.harness.environment import PRODUCTION, TestEnvironment, running_on
from qa.harness.http_client import HttpClient
from qa.harness.processes import ROOT, free_port, kill_tree, start_program, wait_until_ready
from qa.load import clients
from qa.load.clients import Answers

PAGE = Path("docs/web-speed.md")
SYMBOLS, BARS = 10, 6_300
USERS, GOAL_MS = 50, 20.0
PAUSE_SECONDS = (0.3, 0.5)
"""A user who types pauses so long before the form asks again."""
_DAY, _WARM_UP = 86_400, 20


@dataclass
class Typing:
    """What 50 typing users saw, and what the web paid."""

    seconds: float
    answers: Answers = field(default_factory=Answers)
    processor_ms: float = 0.0
    load: float = 0.0

    @property
    def cores(self) -> float:
        """How many cores the web tier kept busy."""
        return self.processor_ms * len(self.answers) / 1_000 / self.seconds


def main() -> int:
    """Measure, print and write the page; 1 where the 99th percentile misses its goal."""
    parser = argparse.ArgumentParser(prog="python -m qa.benchmarks.web", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of typing (default 60)")
    parser.add_argument("--submissions", type=int, default=200, help="of ten symbols (default 200)")
    parser.add_argument(
        "--against", type=Path, help="another checkout with its .venv, to compare submissions"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the page, leave the file alone")
    arguments = parser.parse_args()
    ours = submission_ms(ROOT, arguments.submissions)
    old = submission_ms(arguments.against, arguments.submissions) if arguments.against else None
    typing = typed(arguments.seconds)
    page = _page(arguments, ours, old, typing)
    print(page)
    if not arguments.dry_run:
        PAGE.write_text(page, encoding="utf-8")
    return 0 if typing.answers.percentile(99) <= GOAL_MS and not typing.answers.wrong else 1


def submission_ms(checkout: Path, count: int) -> float:
    """Milliseconds of processor time that the web of a checkout pays for a submission of ten symbols."""
    with tempfile.TemporaryDirectory(prefix="bench-web-") as folder, _web_of(checkout, Path(folder)) as web:
        for _ in range(_WARM_UP):
            _submit(web)
        before = processor_seconds(web.pid)
        for _ in range(count):
            _submit(web)
        return 1_000 * (processor_seconds(web.pid) - before) / count


@dataclass(frozen=True, slots=True)
class _Web:
    pid: int
    client: HttpClient


@contextmanager
def _web_of(checkout: Path, folder: Path) -> Iterator[_Web]:
    """The web tier of a checkout on a SQLite file with the prices, by the commands that every release has."""
    python, port, log = _python(checkout), free_port(), folder / "log"
    variables = {
        "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "LIBRARY_DIR": str(folder / "library"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PYTHONPATH": "",
        "SUBMISSIONS_PER_MINUTE": "0",
        "MAX_WAITING_PER_CLIENT": "0",
    }

    def started(*arguments: str) -> Any:
        return start_program(["env", "-C", str(checkout), python, *arguments], log, variables)

    web = started("-m", "web")
    try:
        client = HttpClient(port)
        wait_until_ready(web, client.is_healthy, log)
        for number in range(SYMBOLS):
            file = _prices(folder, number)
            if started("-m", "store", "import", str(file), "--symbol", file.stem).wait(600):
                raise RuntimeError(log.read_text(encoding="utf-8")[-2_000:])
        yield _Web(web.pid, client)
    finally:
        kill_tree(web)


def _python(checkout: Path) -> str:
    return sys.executable if checkout == ROOT else str(checkout.resolve() / ".venv/bin/python")


def _prices(folder: Path, number: int) -> Path:
    """25 years of days of one symbol as CSV."""
    market = walk(BARS, 1, drift=2e-4, spread=0.01, seconds=_DAY, seed=number)
    columns = (market.open, market.high, market.low, market.close, market.volume)
    rows = zip(
        market.times.astype("datetime64[D]").astype(str),
        *(each[:, 0].tolist() for each in columns),
        strict=True,
    )
    file = folder / f"S{number}.csv"
    lines = ["Date,Open,High,Low,Close,Volume", *(",".join(map(str, row)) for row in rows)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def _submit(web: _Web) -> None:
    body = TEN_YEARS | {
        "run_id": str(uuid.uuid4()), "symbols": [f"S{number}" for number in range(SYMBOLS)],
        "start_date": "2000-01-03", "end_date": "2024-12-31",
    }  # fmt: skip
    status, answer = web.client.request("POST", "/run_backtest", body)
    if status != 202:
        raise RuntimeError(f"the submission was answered {status}: {answer}")


def processor_seconds(pid: int) -> float:
    """User and system time of a process and its descendants so far."""
    root = psutil.Process(pid)
    times = [process.cpu_times() for process in [root, *root.children(recursive=True)]]
    return sum(each.user + each.system for each in times)


def typed(seconds: float) -> Typing:
    """Let 50 users type for so long, on a web tier as in production with a MySQL of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-web-") as folder,
        running_on("MySQL", Path(folder), PRODUCTION) as environment,
    ):
        asyncio.run(_type(environment, Typing(_WARM_UP / 4)))
        typing = Typing(seconds)
        asyncio.run(_type(environment, typing))
        return typing


async def _type(environment: TestEnvironment, typing: Typing) -> None:
    assert environment.web is not None
    before, until = processor_seconds(environment.web.pid), time.monotonic() + typing.seconds
    users = (_user(environment.port, number, typing, until) for number in range(USERS))
    await asyncio.gather(*users)
    used = processor_seconds(environment.web.pid) - before
    typing.processor_ms, typing.load = 1_000 * used / max(1, len(typing.answers)), machine.load()


async def _user(port: int, number: int, typing: Typing, until: float) -> None:
    """Change a parameter, pause, and let the form ask; one connection, as a browser keeps it."""
    draw = random.Random(number)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        await asyncio.sleep(draw.uniform(*PAUSE_SECONDS))
        request = _check(draw.randint(2, 60), draw.randint(61, 250))
        started = time.perf_counter()
        writer.write(request)
        status, content = await _answer(reader)
        typing.answers.milliseconds.append(1_000 * (time.perf_counter() - started))
        if status != 200 or not json.loads(content)["ok"]:
            typing.answers.wrong[str(status)] += 1
    writer.close()


def _check(fast: int, slow: int) -> bytes:
    """The form as the page sends it."""
    fields = {name: value for name, value in TEN_YEARS.items() if name not in ("params", "symbols")}
    form = urlencode(fields | {"symbols": "SP500", "params.fast": fast, "params.slow": slow}).encode()
    head = (
        "POST /api/check HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
    )
    return head.encode() + form


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


def _page(arguments: argparse.Namespace, ours: float, old: float | None, typing: Typing) -> str:
    compared = (
        f"The checkout {arguments.against.name} pays {old:.1f} ms: ours is {ours / old:.2f} of that.\n"
        if old
        else ""
    )
    return "\n".join(
        (
            "# What the web tier pays",
            "",
            "Written by `make bench-web` (`python -m qa.benchmarks.web`).",
            "",
            f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine.facts()}; load average at the end {typing.load:.1f}.",
            "",
            "## A submission",
            "",
            f"{SYMBOLS} symbols of 25 years of days ({BARS:,} bars each), {arguments.submissions} submissions one after "
            f"the other on SQLite, after {_WARM_UP} to warm up: **{ours:.1f} ms** of processor time of the web each, "
            "user and system. No price is decoded: calendars are kept by the hash of their prices. `--against DIR` "
            "measures another checkout in the same way.",
            compared,
            "## A check while typing",
            "",
            f"{USERS} users type for {typing.seconds:g} s: each changes a parameter, pauses {PAUSE_SECONDS[0]:g} to "
            f"{PAUSE_SECONDS[1]:g} s and lets the form ask `POST /api/check`. The web tier runs as in production (one "
            "process, eight requests at once) on a MariaDB of its own; database, an idle worker and the users share "
            f"the cores. The goal is a p99 of {GOAL_MS:g} ms.",
            "",
            *clients.HEAD,
            typing.answers.row("`POST /api/check`"),
            "",
            f"A check takes {typing.processor_ms:.2f} ms of processor time in the web, which keeps "
            f"{typing.cores:.2f} cores busy.",
            "",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
