"""Reads uploaded price files in processes without secrets, with limits of memory and time.

What the parsers of CSV and Parquet do wrong ends a child of `workflows.parsing.server`. What comes back is a
description in JSON and datasets in their own encoding, both of bounded length and checked here.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from backtest.errors import InvalidFile
from backtest.prices.dataset import MAX_BARS, Dataset, InvalidPayload
from config import logs
from workflows.errors import ParserBusy, ParserFailed
from workflows.parsing import messages
from workflows.parsing.server import BEGUN, ORDER

AT_ONCE: Final = 1
_LEAST_MEMORY_MIB: Final = 512
_WAIT_SECONDS: Final = 10.0
_START_SECONDS: Final = 30.0
_REPORTING_SECONDS: Final = 2.0
"""A child ends itself; so much later it is given up."""
_MOST_PAYLOAD: Final = MAX_BARS * 48 + (8 << 20)
_ROOT: Final = Path(__file__).parents[2]
ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "LC_ALL": "C.UTF-8",
}
"""All that the server knows of its surroundings: one thread, so that a fork copies all of it."""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What was understood of a file, ready for JSON, and the datasets in it."""

    reading: Mapping[str, Any]
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileQuestion:
    """Which file is read, and how: as `read_prices` takes it, options as a mapping of strings."""

    file: str
    symbol: str | None = None
    default_symbol: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class _ServerDied(Exception):
    """The server ended before it forked the child."""


class _Server:
    """The process that forks children: started with the first file, and again where it died or was inherited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self, memory_mib: int, seconds: int, file_mib: int) -> socket.socket:
        """A connection to a new child, which has set its limits."""
        for attempt in (1, 2):
            ours, theirs = socket.socketpair()
            with theirs:
                control = self._running()
                try:
                    socket.send_fds(control, [ORDER.pack(memory_mib, seconds, file_mib)], [theirs.fileno()])
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
                env=ENVIRONMENT,
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


@dataclass(frozen=True, slots=True)
class FileParser:
    """Reads one file at a time, so that uploads leave memory for everything else."""

    largest_mib: int = 64
    limit_seconds: int = 20
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE))

    @property
    def memory_mib(self) -> int:
        """What a file may take: texts of numbers take several times their size while they become numbers."""
        return max(_LEAST_MEMORY_MIB, 16 * self.largest_mib)

    def parse(self, data: bytes, about: FileQuestion) -> ParsedFile:
        """Read a file and every dataset in it.

        Raises
        ------
        InvalidFile
            With what is wrong with the file, or that it took more memory or time than a price file may.
        ParserBusy
            Where other files are being read already.
        """
        answer, payloads = self._answer(data, about, preview=False)
        datasets, start = [], 0
        for length in answer["payloads"]:
            try:
                datasets.append(Dataset.decode(bytes(payloads[start : start + length])))
            except InvalidPayload as error:
                raise InvalidFile(f"was read wrongly: {error}", file=about.file) from error
            start += length
        return ParsedFile(answer["reading"], tuple(datasets))

    def preview(self, data: bytes, about: FileQuestion) -> Mapping[str, Any]:
        """What a file holds, ready for JSON; questions get their likeliest answers. Raises as `parse` does."""
        preview: Mapping[str, Any] = self._answer(data, about, preview=True)[0]["preview"]
        return preview

    def _answer(self, data: bytes, about: FileQuestion, *, preview: bool) -> tuple[dict[str, Any], bytearray]:
        if not self.places.acquire(timeout=_WAIT_SECONDS):
            raise ParserBusy("other files are being read; try again in a moment")
        try:
            answer, payloads = self._asked(data, about, preview)
        finally:
            self.places.release()
        if "errors" in answer:
            raise _refusal(answer["errors"], about.file)
        if "out_of_memory" in answer:
            raise self._too_much(about)
        if "failed" in answer:
            log.error("a file could not be read by a mistake of ours", reason=str(answer["failed"]))
            raise ParserFailed("the file could not be read; the log of the web tells why")
        return answer, payloads

    def _asked(self, data: bytes, about: FileQuestion, preview: bool) -> tuple[dict[str, Any], bytearray]:
        asked = {
            "file": about.file,
            "symbol": about.symbol,
            "default_symbol": about.default_symbol,
            "options": dict(about.options),
            "preview": preview,
        }
        with _server.connect(self.memory_mib, self.limit_seconds, self.largest_mib) as connection:
            ends = time.monotonic() + self.limit_seconds
            connection.settimeout(self.limit_seconds + _REPORTING_SECONDS)
            try:
                messages.send(connection, asked, [data])
                return messages.receive(connection, most_bytes=_MOST_PAYLOAD, until=ends + _REPORTING_SECONDS)
            except (messages.Broken, OSError):
                if time.monotonic() < ends - 0.5:
                    raise self._too_much(about) from None
                text = f"took longer than {self.limit_seconds} seconds to read; split the file"
                raise InvalidFile(text, file=about.file) from None

    def _too_much(self, about: FileQuestion) -> InvalidFile:
        return InvalidFile(
            f"cannot be read within {self.memory_mib:,} MiB of memory; it is no usual file of prices, or must be split",
            file=about.file,
        )


def _refusal(errors: list[dict[str, Any]], file: str) -> InvalidFile:
    first, *others = (
        InvalidFile(error["message"], file=file, line=error["line"], date=error["date"], field=error["field"])
        for error in errors
    )
    return InvalidFile(
        first.message, file=file, line=first.line, date=first.date, field=first.field, others=others
    )
