"""What studies cost: a trial of every rule, the way from the click to the heatmap, and a million trials.

``make bench-studies`` (``python -m qa.benchmarks.studies``) measures and writes docs/studies-speed.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from qa import machine
from qa.benchmarks.studies.memory import Memory
from qa.examples import MILLION, sweep
from qa.harness.environment import app_running
from qa.harness.http_client import HttpClient

PAGE: Final = Path("docs/studies-speed.md")
PAIRS: Final = sweep((2, 99, 1), (3, 100, 1)) | {"start_date": "1999-02-18"}
"""4,851 pairs over 5,000 bars."""
GOAL: Final = 30
_PAUSE: Final = 5.0
_POLL_SECONDS: Final = 0.01
_PAGES: Final = ("", "?tab=trials", "?tab=parameters", "?tab=overfitting")


def main() -> int:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(prog="python -m qa.benchmarks.studies", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=tuple(_PARTS), help="these parts alone, to the screen")
    parser.add_argument("--output", type=Path, default=PAGE, help=f"default: {PAGE}")
    arguments = parser.parse_args()
    sections = [_PARTS[part]() for part in arguments.only or _PARTS]
    text = "\n".join([_head(), *sections])
    if arguments.only:
        print(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


def _head() -> str:
    return (
        "# What studies cost\n\n"
        "Written by `make bench-studies` (`python -m qa.benchmarks.studies`).\n\n"
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine.facts()}. Load average at the end {machine.load():.1f}.\n"
    )


def _trials() -> str:
    from qa.benchmarks.studies.trials import BARS, measured

    rows = []
    for cost in measured():
        parts = " | ".join(f"{part:.1f}" for part in cost.parts)
        rows.append(
            f"| {cost.rule} | {cost.trials:,} | {cost.trades:.0f} | {cost.microseconds:.1f} µs | {parts} |"
        )
        _progress(rows[-1])
    head = (
        f"## A trial of {BARS:,} bars\n\n"
        f"Processor time of one core, of which at most {GOAL} µs is the goal: each part of some dozens of trials is\n"
        "measured several times, and the least counts, since other work may run beside. `each` is everything, the\n"
        "lines of the indicators among it, which are computed once for all trials of a rule; the columns behind it\n"
        "are its parts once the lines are known: the target (indicators that no two trials share, comparisons, the\n"
        "position), the simulation (which takes longer the more trades there are), the bootstrap of the Reality\n"
        "Check, and the figures with their block sums. What takes longest trades often (divisions that wait for one\n"
        "another), or has a line that depends on every parameter, so that no two trials share it: the signal line of\n"
        "MACD, the exit of the formula.\n\n"
        "| rule | trials | trades | each | target | simulation | bootstrap | figures |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(rows) + "\n"


def _click() -> str:
    """From the submission over HTTP to the cells, on a fresh product; the first study and those that follow."""
    rows = []
    for pause, names in (
        (0.0, ("as soon as the page answers",)),
        (_PAUSE, (f"{_PAUSE:g} s later", "second", "third")),
    ):
        with _product() as client:
            time.sleep(pause)
            for number, name in enumerate(names):
                taken = _until_heatmap(client, PAIRS | {"minimum_trades": 10 + number})
                cells = " | ".join(f"{seconds:.2f} s" for seconds in taken.values())
                rows.append(f"| {name} | {cells} |")
                _progress(rows[-1])
    head = (
        "## From the click to the heatmap\n\n"
        "4,851 pairs of windows over 5,000 bars: submitted over HTTP to `python app.py`, executed by its worker in\n"
        "chunks, judged, and the cells of the heatmap read; seconds since the submission. The first study of a product\n"
        "that has just been started waits for the process that loads the compiler; some seconds later it is there.\n\n"
        "| study | accepted | all chunks stored | SUCCEEDED | heatmap read |\n|---|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(rows) + "\n\n" + _parts_of_click()


def _parts_of_click() -> str:
    from qa.benchmarks.studies.parts import measured

    lines = [f"| {part} | {seconds * 1_000:.0f} ms |" for part, seconds in measured(PAIRS)]
    head = (
        "The computing parts of it, in processor time of one core; the chunks are executed on all cores. The rest is\n"
        "the web, the database, the start of processes, and waiting for one another.\n\n"
        "| part | processor time |\n|---|---:|\n"
    )
    return head + "\n".join(lines) + "\n"


def _million() -> str:
    """A million trials: seconds, memory of all processes together, and how soon each page is there."""
    with _product() as client, Memory(client.pid) as memory:
        began = time.perf_counter()
        study_id = _submitted(client, MILLION)
        _wait(client, study_id)
        seconds = time.perf_counter() - began
        pages = [(path, *_two(client, f"/studies/{study_id}{path}")) for path in _PAGES]
        pages += [
            (f"api {name}", *_two(client, f"/api/studies/{study_id}/{name}"))
            for name in ("heatmap", "trials")
        ]
    lines = [f"| {path or 'heatmap'} | {first:.2f} s | {again:.2f} s |" for path, first, again in pages]
    head = (
        "## A million trials\n\n"
        f"RSI over three inputs, {seconds:.0f} s from the submission to SUCCEEDED. Memory of all processes together,\n"
        f"what they share counted once, was at most {memory.peak_mib:,.0f} MiB: {memory.parts()}.\n\n"
        "| page | first | again |\n|---|---:|---:|\n"
    )
    _progress(head)
    return head + "\n".join(lines) + "\n"


_PARTS: Final[dict[str, Callable[[], str]]] = {"trials": _trials, "click": _click, "million": _million}


class _Client(HttpClient):
    """A client of the product, which knows its process."""

    pid = 0


@contextmanager
def _product() -> Iterator[_Client]:
    with tempfile.TemporaryDirectory(prefix="studies-") as folder, app_running(Path(folder)) as address:
        client = _Client(int(address.rsplit(":", 1)[1]))
        client.pid = _listening(client.port)
        yield client


def _listening(port: int) -> int:
    """The process of `app.py`, whose children are web and worker."""
    import psutil

    here = psutil.Process()
    found = [child for child in here.children() if str(port) in child.environ().get("PORT", "")]
    return found[0].pid


def _submitted(client: _Client, raw: dict[str, Any]) -> str:
    status, answer = client.request("POST", "/run_study", raw)
    if status != 202:
        raise RuntimeError(f"the study was answered {status}: {answer}")
    return str(answer["study_id"])


def _until_heatmap(client: _Client, raw: dict[str, Any]) -> dict[str, float]:
    began = time.perf_counter()
    study_id = _submitted(client, raw)
    taken = {"accepted": time.perf_counter() - began}
    _wait(client, study_id, lambda: taken.setdefault("chunks", time.perf_counter() - began))
    taken["ended"] = time.perf_counter() - began
    taken.setdefault("chunks", taken["ended"])
    client.request("GET", f"/api/studies/{study_id}/heatmap")
    taken["heatmap"] = time.perf_counter() - began
    return {name: taken[name] for name in ("accepted", "chunks", "ended", "heatmap")}


def _wait(client: _Client, study_id: str, on_chunks: Callable[[], object] = lambda: None) -> None:
    """Ask until the study has ended; tells when its last chunk is stored."""
    while True:
        _, study = client.request("GET", f"/api/studies/{study_id}")
        if study["progress"] >= 1.0:
            on_chunks()
        if study["status"] not in ("PENDING", "RUNNING"):
            break
        time.sleep(_POLL_SECONDS)
    if study["status"] != "SUCCEEDED":
        raise RuntimeError(f"study {study_id} ended as {study['status']}: {study['error_message']}")


def _two(client: _Client, path: str) -> tuple[float, float]:
    """Seconds of the first request and of the second."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        client.request("GET", path)
        seconds.append(time.perf_counter() - began)
    return seconds[0], seconds[1]


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
