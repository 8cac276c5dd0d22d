"""A TCP stub in front of a server: passes bytes on, stops answering, refuses, or cuts what goes through it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal

from qa.harness.tcp import TcpServer

Mode = Literal["pass", "hang", "refuse"]
_CHUNK = 65_536


class Proxy(TcpServer):
    """Listens on a port of its own; its mode may be changed at any moment."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._mode: Mode = "pass"
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._bytes_left: int | None = None
        self._cuts = 0
        self._change = threading.Condition()
        super().__init__()

    def set_mode(self, mode: Mode) -> None:
        """Change the mode, for open connections too."""
        with self._change:
            self._mode = mode
            self._change.notify_all()
        if mode == "refuse":
            self.cut()

    def cut(self) -> int:
        """Cut every connection now; how many there were."""
        with self._change:
            pairs = list(self._pairs)
        for pair in pairs:
            self._close(pair)
        return len(pairs)

    def cut_after(self, number: int) -> None:
        """Let this many more bytes through, then cut within them, on whatever connection they are."""
        with self._change:
            self._bytes_left = number

    @property
    def cuts(self) -> int:
        """How often `cut_after` came to a cut."""
        return self._cuts

    def close(self) -> None:
        """Stop listening and cut everything."""
        super().close()
        self.set_mode("refuse")

    def serve(self, client: socket.socket) -> None:
        """Connect to the server and pass on what comes from both."""
        if self._mode == "refuse":
            return client.close()
        try:
            server = socket.create_connection(("127.0.0.1", self._behind))
        except OSError:
            return client.close()
        pair = (client, server)
        with self._change:
            self._pairs.add(pair)
        threading.Thread(target=self._pump, args=(pair, client, server), daemon=True).start()
        self._pump(pair, server, client)
        return None

    def _pump(
        self, pair: tuple[socket.socket, socket.socket], source: socket.socket, target: socket.socket
    ) -> None:
        with suppress(OSError):
            while received := source.recv(_CHUNK):
                with self._change:
                    self._change.wait_for(lambda: self._mode != "hang")
                allowed, whole = self._allowed(received)
                target.sendall(allowed)
                if not whole:
                    break
        self._close(pair)

    def _allowed(self, received: bytes) -> tuple[bytes, bool]:
        with self._change:
            if self._bytes_left is None:
                return received, True
            if len(received) <= self._bytes_left:
                self._bytes_left -= len(received)
                return received, True
            allowed, self._bytes_left = received[: self._bytes_left], None
            self._cuts += 1
            return allowed, False

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._change:
            self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
