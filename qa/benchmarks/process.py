"""A process of its own for each measurement, with its wall time and its peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB_PER_UNIT = 1 / 2**20 if sys.platform == "darwin" else 1 / 2**10
"""getrusage counts in KiB, on macOS in bytes."""


class MeasurementFailed(Exception):
    """The process of a measurement ended with an error; the text is what it wrote."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process wrote, how long it lived and the most memory it held."""

    output: str
    seconds: float
    peak_mib: float


def run(arguments: Sequence[str]) -> Ended:
    """Run `python` with these arguments to its end, or raise `MeasurementFailed`."""
    start = time.perf_counter()
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=complaints, env=_environment()
        ) as process,
    ):
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            complaints.seek(0)
            raise MeasurementFailed(f"{' '.join(arguments)}\n{complaints.read().decode()}")
    return Ended(output.decode(), seconds, usage.ru_maxrss * MIB_PER_UNIT)


def measure(**task: Any) -> dict[str, Any]:
    """Let `qa.benchmarks.child` do a task; its result, with its wall time and peak memory."""
    ended = run(["-m", "qa.benchmarks.child", json.dumps(task, default=_text)])
    result: dict[str, Any] = json.loads(ended.output.splitlines()[-1])
    return result | {"wall": ended.seconds, "peak_mib": ended.peak_mib}


def _environment() -> dict[str, str]:
    """The environment, but with byte code written: a cold start without it is another measurement."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot tell a child about {value!r}")
