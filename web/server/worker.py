"""The gunicorn worker of the web tier: clients that send or read slowly take no thread that others need."""

from __future__ import annotations

import os
from threading import BoundedSemaphore
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from config.settings import Settings
from web.server import PATIENT_THREADS
from web.server.client_socket import ClientSocket

_FINISH_SECONDS = 1.0


class Worker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's threads, with connections that do not outwait them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._seconds = Settings.from_env(os.environ).limits.client_seconds
        self._waiting = BoundedSemaphore(PATIENT_THREADS)

    def enqueue_req(self, conn: Any) -> None:
        """Have a thread serve the connection; a new one without data goes to the poller, and takes none."""
        if not isinstance(conn.sock, ClientSocket):
            conn.sock = ClientSocket(conn.sock, seconds=self._seconds, waiting=self._waiting)
            conn.wait_for_data = conn.sock.has_data
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve one request; here rather than in the only thread that accepts, wait for the client to close."""
        conn.sock.expect_request()
        outcome = super().handle(conn)
        if outcome is False:
            conn.sock.finish(_FINISH_SECONDS)
        return outcome
