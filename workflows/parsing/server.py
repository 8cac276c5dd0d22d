"""A warm process without secrets that forks one child for each file, formula or study that it is asked about.

The web starts it with an empty environment: neither it nor its children ever hold the address of the database or
a credential, and no descriptor of the web. It orders nothing and keeps nothing; each child talks to the web over
a connection of its own, within limits of memory and time that it sets before it looks at a byte.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from workflows import process
from workflows.parsing import messages, previewing, reading, timing

_TASKS: Final = {"read": reading.answer, "preview": previewing.answer, "time": timing.answer}
ORDER: Final = struct.Struct("<III")
"""Limits of the next child: memory in MiB, seconds, and MiB of data it may get. Its connection comes along."""
BEGUN: Final = b"!"
"""The first byte of a child. Where it does not come, the server died; what follows is the file's own doing."""
IDLE_SECONDS: Final = 900.0
"""An unused server ends, and gives its memory back; the next file starts another."""
_CONNECTION: Final = 3
_MOST_DESCRIPTORS: Final = 64
_LONGEST_REASON: Final = 2_000


def main() -> None:
    """Serve the web process at the other end of the given socket until it closes it."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for
    reading.warm_up()
    previewing.warm_up()
    gc.collect()
    gc.freeze()
    control.settimeout(IDLE_SECONDS)
    with control:
        while _fork_one(control):
            pass


def _fork_one(control: socket.socket) -> bool:
    """Fork the child of the next question; false where the web has left, or nothing came for long."""
    try:
        order, descriptors, _, _ = socket.recv_fds(control, ORDER.size, 1)
    except (TimeoutError, ConnectionError):
        return False
    if not descriptors:
        return False
    parent = os.getpid()
    try:
        if os.fork() == 0:
            _read_one(parent, descriptors[0], *ORDER.unpack(order))
    finally:
        os.close(descriptors[0])
    return True


def _read_one(parent: int, descriptor: int, memory_mib: int, seconds: int, file_mib: int) -> NoReturn:
    """Answer what the connection brings, then end."""
    try:
        os.dup2(descriptor, _CONNECTION)
        process.forget_parent(keep_open=_CONNECTION)
        process.die_with_parent(parent)
        _limit(memory_mib, seconds)
        with socket.socket(fileno=_CONNECTION) as connection:
            connection.sendall(BEGUN)
            _answer(connection, file_mib)
    finally:
        os._exit(0)


def _limit(memory_mib: int, seconds: int) -> None:
    """Signals end the process where time is over: no handler runs while a parser does not return."""
    signal.alarm(seconds)
    with suppress(OSError):  # where memory ends all the same, it is this process that ends
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    process.limit_memory(memory_mib)
    for limit, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS),
    ):
        resource.setrlimit(limit, (most, most))


def _answer(connection: socket.socket, file_mib: int) -> None:
    answer: dict[str, Any]
    payloads: list[bytes] = []
    with suppress(OSError, messages.Broken):  # the web has given up
        try:
            about, data = messages.receive(connection, most_bytes=file_mib << 20)
            answer, payloads = _read(data, about)
        except MemoryError:
            process.lift_memory_limit()
            answer = {"out_of_memory": True}
        messages.send(connection, answer, payloads)


def _read(data: bytearray, about: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    try:
        return _TASKS[about["task"]](data, about)
    except MemoryError:
        raise
    except Exception:  # a mistake of ours, which the web logs
        return {"failed": traceback.format_exc()[-_LONGEST_REASON:]}, []


if __name__ == "__main__":
    main()
