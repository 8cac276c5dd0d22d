"""HTTP as a client under test speaks it: one connection for each request, no answer told from a wrong one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

from qa.harness.processes import LAST_RESORT_SECONDS

NO_ANSWER, _TOO_MANY, _UNAVAILABLE = 0, 429, 503


class HttpClient:
    """A client of one port that counts the answers which must not come."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.unanswered = 0
        """How many requests got no answer or 503."""
        self.server_errors: list[str] = []
        """Every answer of 500 and above but 503."""

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 60.0,
    ) -> tuple[int, Any]:
        """Status and content of one answer on a connection of its own; `NO_ANSWER` without a whole one.

        Bytes are sent as CSV, all else as JSON.
        """
        content, kind = _encoded(body)
        status, answer = self._exchange(method, path, content, kind | dict(headers or {}), timeout)
        self.unanswered += status in (NO_ANSWER, _UNAVAILABLE)
        if status >= 500 and status != _UNAVAILABLE:
            self.server_errors.append(f"{method} {path}: {status} {str(answer)[:300]}")
        return status, answer

    def request_with_retry(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send the same request again after no answer, 429 and 503, as the documentation tells clients to."""
        give_up_at = time.monotonic() + LAST_RESORT_SECONDS
        while True:
            status, answer = self.request(method, path, body, headers)
            if status not in (NO_ANSWER, _TOO_MANY, _UNAVAILABLE) or time.monotonic() > give_up_at:
                return status, answer
            self.before_retry()
            time.sleep(0.05)

    def before_retry(self) -> None:
        """Called before a request is sent again."""

    def is_healthy(self) -> bool:
        """Whether the web tier answers."""
        return self.request("GET", "/health", timeout=5)[0] == 200

    def _exchange(
        self, method: str, path: str, body: bytes | str | None, headers: dict[str, str], timeout: float
    ) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, json.loads(content) if is_json else content
        except (OSError, HTTPException):
            return NO_ANSWER, None
        finally:
            connection.close()


def is_ok(port: int, path: str) -> bool:
    """Whether a path answers 200."""
    return HttpClient(port).request("GET", path, timeout=5)[0] == 200


def _encoded(body: Any) -> tuple[bytes | str | None, dict[str, str]]:
    if body is None:
        return None, {}
    if isinstance(body, bytes):
        return body, {"Content-Type": "text/csv"}
    return json.dumps(body), {"Content-Type": "application/json"}
