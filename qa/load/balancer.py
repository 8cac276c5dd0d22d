"""A TCP proxy that gives each new connection to the next of the replicas that are in."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from qa.harness.tcp import TcpServer

_CHUNK = 65_536


class Balancer(TcpServer):
    """What a Service is in a cluster: an address that outlives every replica behind it."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports, self._turn = list(ports), itertools.count()
        super().__init__()

    def remove(self, port: int) -> None:
        """Give this replica no new connection; its open ones go on."""
        self._ports = [other for other in self._ports if other != port]

    def add(self, port: int) -> None:
        """Give this replica connections."""
        self._ports = [*self._ports, port]

    def serve(self, client: socket.socket) -> None:
        """Pass everything on to one replica and back."""
        ports = self._ports
        with client, socket.create_connection(("127.0.0.1", ports[next(self._turn) % len(ports)])) as replica:
            back = threading.Thread(target=_pump, args=(replica, client), daemon=True)
            back.start()
            _pump(client, replica)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, and then that nothing more will come."""
    with suppress(OSError):
        while received := source.recv(_CHUNK):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
