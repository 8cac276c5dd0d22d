"""A client's connection: what it sends and reads has to come on, or it is reset."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from contextlib import suppress
from threading import BoundedSemaphore
from typing import Any

SLOWEST_BYTES_PER_SECOND = 8 * 1024
"""What has passed prolongs the time: a large upload over a slow line is fine, a trickle is not."""
_AT_ONCE_SECONDS = 0.5
"""What every client may take: its body may come in a packet after its head, and its answer has to travel."""
_DROP_WHAT_IS_UNREAD = struct.pack("ii", 1, 0)
"""Linger for no time: closing frees the kernel's memory, and the client sees a reset."""
_DRAINED_BYTES = 64 * 1024


class ClientSocket(socket.socket):
    """A connection for which only so many threads wait, each for so long; it takes the place of the accepted one."""

    def __init__(self, accepted: socket.socket, *, seconds: float, waiting: BoundedSemaphore) -> None:
        super().__init__(fileno=accepted.detach())
        super().setblocking(False)
        self._seconds, self._waiting = seconds, waiting
        self._began_at = self._receive_by = 0.0
        self._is_finished = False

    def expect_request(self) -> None:
        """Begin the time within which the next request has to arrive."""
        self._began_at = time.monotonic()
        self._receive_by = self._began_at + self._seconds

    def has_data(self, _seconds: float = 0.0) -> bool:
        """Whether something can be received at once."""
        return self._is_ready(select.POLLIN, 0.0)

    def setblocking(self, _is_blocking: bool, /) -> None:
        """The socket itself never blocks; `recv` and `sendall` wait."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Shorten the time within which to receive; None leaves it as it is."""
        if seconds is not None:
            self._receive_by = min(self._receive_by, time.monotonic() + seconds)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Some bytes, or none at the end; `ConnectionResetError` where they do not come in time."""
        while not self._is_finished:
            try:
                content = super().recv(size, flags)
            except BlockingIOError:
                self._wait(select.POLLIN, self._began_at, self._receive_by)
                continue
            self._receive_by += len(content) / SLOWEST_BYTES_PER_SECOND
            return content
        return b""

    def sendall(self, content: Any, flags: int = 0, /) -> None:
        """Send everything, or raise `ConnectionResetError` where it is not read in time."""
        left, began_at = memoryview(content), time.monotonic()
        send_by = began_at + self._seconds
        while left:
            try:
                sent = super().send(left, flags)
            except BlockingIOError:
                self._wait_to_send(began_at, send_by)
                continue
            send_by += sent / SLOWEST_BYTES_PER_SECOND
            left = left[sent:]

    def finish(self, seconds: float) -> None:
        """End the last answer, and let the client read it before the connection is closed."""
        drained = 0
        self._receive_by = time.monotonic() + seconds
        with suppress(OSError):  # the client is gone, or stays silent
            self.shutdown(socket.SHUT_WR)
            while drained < _DRAINED_BYTES and (content := self.recv(_DRAINED_BYTES)):
                drained += len(content)
        self._is_finished = True

    def _wait_to_send(self, began_at: float, until: float) -> None:
        try:
            self._wait(select.POLLOUT, began_at, until)
        except ConnectionResetError:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_WHAT_IS_UNREAD)
            raise

    def _wait(self, event: int, began_at: float, until: float) -> None:
        """Wait for the event: for a moment in any case, for longer as one of the few threads that may."""
        if self._is_ready(event, min(began_at + _AT_ONCE_SECONDS, until) - time.monotonic()):
            return
        if not self._waiting.acquire(blocking=False):
            raise _too_slow()
        try:
            if not self._is_ready(event, until - time.monotonic()):
                raise _too_slow()
        finally:
            self._waiting.release()

    def _is_ready(self, event: int, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self, event)
        return bool(poll.poll(max(0.0, seconds) * 1_000))


def _too_slow() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "the client is too slow")
