"""Has a child of its own answer each question: a process without secrets, with limits of memory and time."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config import logs
from workflows.errors import ParserFailed
from workflows.parsing import messages
from workflows.parsing.server import BEGUN, ORDER

_START_SECONDS: Final = 30.0
_REPORTING_SECONDS: Final = 2.0
"""A child ends itself; so much later it is given up."""
_ROOT: Final = Path(__file__).parents[2]
ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 22),
    "LC_ALL": "C.UTF-8",
}
"""All that the server knows of its surroundings: one thread, so that a fork copies all of it; and columns in
mappings of their own, whose memory returns to the system once one is freed: left to itself, glibc raises the size
from which it maps memory with each column that is freed."""

_COMPILED: Final = ("NUMBA_CACHE_DIR", "NUMBA_CPU_NAME")
"""Variables that say where compiled code lies and for which processor; the server has those that are set."""

log = logs.get(__name__)


class TookTooLong(Exception):
    """The child had no answer in its time."""


class OutOfMemory(Exception):
    """The child needed more memory than it has, or died of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one child may take."""

    memory_mib: int
    seconds: int
    data_mib: int


class _Server:
    """The process that forks children: started with the first file, and again where it died or was inherited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self, limits: Limits) -> socket.socket:
        """A connection to a new child, which has set its limits."""
        order = ORDER.pack(limits.memory_mib, limits.seconds, limits.data_mib)
        for attempt in (1, 2):
            ours, theirs = socket.socketpair()
            with theirs:
                control = self._running()
                try:
                    socket.send_fds(control, [order], [theirs.fileno()])
                except OSError:
                    log.warning("parser server died, starting another", attempt=attempt)
            try:
                if bytes(messages.exactly(ours, 1, time.monotonic() + _START_SECONDS)) == BEGUN:
                    return ours
            except (messages.Broken, OSError):
                ours.close()
                self._forget(control)
        raise ParserFailed("the process that reads files cannot be started")

    def stop(self) -> None:
        """End the process and the children that it has."""
        with self._lock:
            self._end()

    def _running(self) -> socket.socket:
        with self._lock:
            if self._pid != os.getpid() or self._control is None:
                self._start()
            assert self._control is not None
            return self._control

    def _start(self) -> None:
        control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 our own interpreter and module # nosec B603
                [sys.executable, "-E", "-s", "-m", "workflows.parsing.server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=ENVIRONMENT | {name: os.environ[name] for name in _COMPILED if name in os.environ},
                cwd=_ROOT,
                start_new_session=True,
            )
        self._control, self._pid = control, os.getpid()

    def _forget(self, control: socket.socket) -> None:
        """Have the next file start another server, unless another thread has done so."""
        with self._lock:
            if self._control is control:
                self._end()

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None and self._pid == os.getpid():
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


_server = _Server()
"""One for the whole process, however many applications it holds."""
atexit.register(_server.stop)


def ask(
    about: Mapping[str, Any], data: bytes, limits: Limits, *, most_bytes: int = 0
) -> tuple[dict[str, Any], bytearray]:
    """Have a child answer a question about some bytes: its object, and at most `most_bytes` behind it.

    Raises
    ------
    OutOfMemory, TookTooLong
        Where the child needed more than its limits.
    ParserFailed
        By a mistake of ours; the log has the reason.
    """
    with _server.connect(limits) as connection:
        ends = time.monotonic() + limits.seconds
        connection.settimeout(limits.seconds + _REPORTING_SECONDS)
        try:
            messages.send(connection, about, [data])
            found = messages.receive(connection, most_bytes=most_bytes, until=ends + _REPORTING_SECONDS)
        except (messages.Broken, OSError):
            raise (OutOfMemory if time.monotonic() < ends - 0.5 else TookTooLong) from None
    if "out_of_memory" in found[0]:
        raise OutOfMemory
    if "failed" in found[0]:
        log.error("a child failed by a mistake of ours", reason=str(found[0]["failed"]))
        raise ParserFailed("the data could not be read; the log of the web tells why")
    return found
