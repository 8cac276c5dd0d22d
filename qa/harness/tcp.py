"""A TCP server for proxies under test: each connection is served in a thread of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class TcpServer:
    """Listens on a free port of the loopback interface until it is closed."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listening.close()

    def serve(self, client: socket.socket) -> None:
        """Handle one connection to its end."""
        raise NotImplementedError

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()
