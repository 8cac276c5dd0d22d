"""How much CPU and memory a file of a million rows takes to read, beside two CSV readers: `make bench-files`.

Each reading happens in a process of its own; what is measured is the CPU time of that process, since other work on
the machine changes the clock and not that.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from qa import machine
from workflows.parsing import reading
from workflows.parsing.children import ENVIRONMENT

PAGE = Path("docs/price-file-speed.md")
ROWS, REPETITIONS = 1_000_000, 5
_NAMES = ("Open", "High", "Low", "Close")


def main() -> int:
    """Measure every style and write the page."""
    parser = argparse.ArgumentParser(prog="python -m qa.benchmarks.price_files", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of each file (default {ROWS:,})")
    parser.add_argument("--output", type=Path, default=PAGE, help=f"default: {PAGE}")
    parser.add_argument("--reader", choices=READERS, help="read --file once, and print seconds and MB")
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    if arguments.reader:
        return read_once(arguments.reader, arguments.file)
    rows = []
    with tempfile.TemporaryDirectory(prefix="price-files-") as folder:
        for style, content in files(arguments.rows):
            path = Path(folder) / "prices.csv"
            path.write_bytes(content)
            rows.append(_row(style, path))
            print(rows[-1], file=sys.stderr, flush=True)
    arguments.output.write_text(_page(arguments.rows, rows), encoding="utf-8")
    return 0


def files(count: int) -> Iterator[tuple[str, bytes]]:
    """The same prices in the styles of several exports."""
    prices = market(count)
    minutes = np.datetime64("2010-01-04T00:00:00") + np.arange(count) * np.timedelta64(60, "s")
    iso = [text.replace("T", " ") for text in np.datetime_as_string(minutes)]
    seconds = minutes.astype(np.int64)
    clocks = [moment.strftime("%m/%d/%Y %I:%M:%S %p") for moment in minutes.astype(object)]
    european = [moment.strftime("%d.%m.%Y %H:%M") for moment in minutes.astype(object)]
    days = np.arange("2000-01-03", "2030-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)][np.arange(count) % 2_000]
    commas = [[cell.replace(".", ",") for cell in row] for row in prices]
    quoted = [[f'"{float(cell) * 100:,.2f}"' for cell in row[:4]] + [f'"{row[4]}.5K"'] for row in prices]
    french = [
        [_french(float(cell) * 100, ",.2f") + "\u00a0€" for cell in row[:4]] + [_french(int(row[4]), ",")]
        for row in prices
    ]
    tickers = [f",S{row // 2_000}" for row in range(count)]
    yield "ISO dates with a clock", _text(iso, prices)
    yield "ISO dates with an offset", _text([f"{text}+00:00" for text in iso], prices)
    yield "Unix milliseconds", _text([f"{second}000" for second in seconds], prices)
    yield "American dates, AM and PM", _text(clocks, prices)
    yield "semicolons and decimal commas", _text(european, commas, ";")
    yield "quotes, thousands and K", _text([f'"{text}"' for text in iso], quoted)
    yield "thin spaces, decimal commas and € behind", _text(european, french, ";")
    yield "many tickers below each other", _text(list(map(str, days)), prices, endings=tickers, last=",Name")


def _french(value: float, style: str) -> str:
    return f"{value:{style}}".replace(",", "\u202f").replace(".", ",")


def market(count: int) -> list[list[str]]:
    """Open, high, low, close and volume of a random walk, as texts."""
    random = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.0005, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.0005, np.minimum(opened, close) * 0.9995
    volume = random.integers(0, 100_000, count)
    return [
        [*(f"{price:.4f}" for price in row), str(traded)]
        for row, traded in zip(np.column_stack([opened, high, low, close]), volume, strict=True)
    ]


def _text(
    dates: list[str], prices: list[list[str]], separator: str = ",", *, endings: list[str] | None = None,
    last: str = "",
) -> bytes:  # fmt: skip
    head = separator.join(("Date", *_NAMES, "Volume")) + last
    lines = [separator.join((date, *row)) for date, row in zip(dates, prices, strict=True)]
    lines = [line + ending for line, ending in zip(lines, endings, strict=True)] if endings else lines
    return "\n".join([head, *lines, ""]).encode()


def _row(style: str, path: Path) -> str:
    figures = [min(_measured(reader, path) for _ in range(REPETITIONS)) for reader in READERS]
    (ours, memory), (arrow, _), (pandas, _) = figures
    cells = (
        f"{ours:.2f} s", f"{memory:.0f} MB", f"{arrow:.2f} s", f"{ours / arrow:.1f}", f"{pandas:.2f} s",
        f"{ours / pandas:.1f}",
    )  # fmt: skip
    return f"| {style} | {path.stat().st_size / 1e6:.0f} MB | {' | '.join(cells)} |"


def _measured(reader: str, path: Path) -> tuple[float, float]:
    """CPU seconds of one reading in a process of its own, and the most memory of that process in MB."""
    command = [sys.executable, "-m", "qa.benchmarks.price_files", "--reader", reader, "--file", str(path)]
    answer = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=True)
    seconds, memory = json.loads(answer.stdout)
    return float(seconds), float(memory)


def read_once(reader: str, path: Path) -> int:
    """Read the file and print CPU seconds and MB."""
    prepare, read = READERS[reader]
    prepare()
    data = bytearray(path.read_bytes())
    before = _cpu_seconds()
    read(data)
    print(json.dumps([_cpu_seconds() - before, _peak_mb()]))
    return 0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text(
        encoding="utf-8"
    )  # the kernel's own count includes the parent's
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def _ours(data: bytearray) -> None:
    about = {"file": "prices.csv", "symbol": None, "default_symbol": "ACME", "options": {}, "preview": False}
    answer, _ = reading.answer(data, about)
    if "errors" in answer:
        raise RuntimeError(answer["errors"])


def _pyarrow(data: bytearray) -> None:
    import pyarrow.csv

    options = pyarrow.csv.ParseOptions(delimiter=_separator(data))
    one_thread = pyarrow.csv.ReadOptions(use_threads=False)
    pyarrow.csv.read_csv(io.BytesIO(data), parse_options=options, read_options=one_thread)


def _pandas(data: bytearray) -> None:
    import pandas

    pandas.read_csv(io.BytesIO(data), sep=_separator(data))


def _separator(data: bytearray) -> str:
    return ";" if b";" in data[:100] else ","


def _warm(read: Callable[[bytearray], None]) -> Callable[[], None]:
    return lambda: read(bytearray(b"Date,Close\n2024-01-02,1.5\n"))


READERS: dict[str, tuple[Callable[[], None], Callable[[bytearray], None]]] = {
    "ours": (reading.warm_up, _ours),
    "pyarrow": (_warm(_pyarrow), _pyarrow),
    "pandas": (_warm(_pandas), _pandas),
}


def _page(count: int, rows: list[str]) -> str:
    head = (
        "# Reading a price file\n\n"
        "Written by `make bench-files` (`python -m qa.benchmarks.price_files`).\n\n"
        f"The same {count:,} one-minute bars in several styles. *Ours* reads, checks, repairs and encodes the prices\n"
        "as the web's child process does; `pyarrow.csv` (one thread) and `pandas.read_csv` only split the text into\n"
        "columns: they leave dates with offsets, thousands, units and tickers as texts. CPU seconds of each process, the\n"
        f"best of {REPETITIONS}; memory is the most that the whole process took.\n\n"
    )
    measured = f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine.facts()}; load {machine.load():.0f}.\n\n"
    table = "| style | file | ours | memory | pyarrow.csv | ratio | pandas.read_csv | ratio |\n"
    return head + measured + table + f"|{'---|' * 8}\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
