"""Processes under test: started with a log, awaited, and ended with everything that they started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

from workflows.process import die_with_parent

ROOT = Path(__file__).parents[2]
_STARTER = ThreadPoolExecutor(1)
"""Starts every process: to the kernel, the parent of a process is the thread that started it."""
LAST_RESORT_SECONDS = 300.0
"""How long an event is awaited that comes within a second on an idle machine."""


def free_port() -> int:
    """A port of the loopback interface on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def start(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start Python with these arguments and variables; its output is appended to the log."""
    return start_program([sys.executable, *arguments], log, environment)


def start_program(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process at the latest.

    A session of its own, as `app.py` gives each of its processes: Linux shares the processors among sessions
    first, so a step that gives way to its own web tier does not give way to the whole machine.
    """
    parent = os.getpid()
    with log.open("ab") as output:
        return _STARTER.submit(
            subprocess.Popen,
            command,
            cwd=ROOT,
            env=os.environ | (environment or {}),
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),
        ).result()


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all its descendants, and wait for its end."""
    with suppress(psutil.NoSuchProcess):
        descendants = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        for descendant in descendants:
            with suppress(psutil.NoSuchProcess):
                descendant.kill()
    process.wait(LAST_RESORT_SECONDS)


def wait_until(
    condition: Callable[[], object], *, seconds: float = LAST_RESORT_SECONDS, pause: float = 0.02
) -> bool:
    """Wait until the condition holds; false if it did not within so many seconds."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(pause)
    return True


def wait_until_ready(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    """Wait until a started process is ready; an error with the end of its log if it ended or never was."""
    if (
        not wait_until(lambda: is_ready() or process.poll() is not None, pause=0.1)
        or process.poll() is not None
    ):
        text = log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{process.args!r} did not start:\n{text[-3000:]}")


def has_ended(pid: int) -> bool:
    """Whether a process is gone or waits to be reaped; it may end while it is looked at."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
