"""The product of a checkout as `python app.py` starts it, with its own database and folders."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

import psutil  # type: ignore[import-untyped]

from qa.compare.answers import Answer
from qa.compare.masks import Masks
from qa.compare.tree import Output, Tree

_HOST = "127.0.0.1"
_REQUEST_TIMEOUT_SECONDS = 180
_START_TIMEOUT_SECONDS = 300
_STOP_TIMEOUT_SECONDS = 90
_STALLED_SECONDS = 600
_OPEN = ("PENDING", "RUNNING")

_TIMEOUTS = {
    "LOG_FORMAT": "json",
    "WORKER_SLOTS": "1",
    "LEASE_SECONDS": "300",
    "STEP_TIMEOUT_SECONDS": "3600",
}
"""Generous timeouts: a slow machine must not change an answer."""


class Product:
    """A running product, the values captured from its answers, and the masks for them."""

    def __init__(self, tree: Tree, name: str, variables: Mapping[str, str]) -> None:
        self.tree, self.masks, self.kept = tree, Masks(), dict[str, str]()
        self._log = tree.scratch / f"{name}.log"
        self._port = _free_port()
        self._variables = {
            **_TIMEOUTS,
            "HOST": _HOST,
            "PORT": str(self._port),
            "DATABASE_URL": f"sqlite:///{tree.scratch / name}.sqlite3",
            **variables,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.masks.name(f"{_HOST}:{self._port}", "host")
        self.masks.name(str(tree.scratch), "scratch")

    def __enter__(self) -> Self:
        self._process = self.tree.start(["app.py"], self._variables, self._log)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def wait_until_ready(self) -> None:
        """Wait until it is ready; RuntimeError with the end of its log if it never is."""
        give_up_at = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._is_ready():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                end = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise RuntimeError(f"the product of {self.tree.path} is not ready:\n{end}")
            time.sleep(0.2)

    # Requests

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send one request on a new connection; status 0 if no complete answer arrives."""
        connection = HTTPConnection(_HOST, self._port, timeout=_REQUEST_TIMEOUT_SECONDS)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before the whole body was sent
                connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        except (OSError, HTTPException) as error:
            return Answer(0, {}, f"no answer: {error!r}".encode())
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """The JSON document at the path."""
        return json.loads(self.request("GET", path, None, {}).content)

    def filled(self, text: str) -> str:
        """The text with each placeholder `{name}` replaced by its captured value."""
        for name, value in self.kept.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def keep(self, name: str, value: str) -> None:
        """Capture a value for later requests; it is masked unless it is a path, which can be compared."""
        self.kept[name] = value
        if not value.startswith("/"):
            self.masks.name(value, name)

    def keep_from(self, answer: Answer, patterns: Mapping[str, str]) -> None:
        """Capture what the patterns match in the answer; empty if there is no match."""
        for name, pattern in patterns.items():
            found = re.search(pattern, answer.whole, re.MULTILINE)
            if found:
                self.keep(name, found[1])
            else:
                self.kept[name] = ""

    def command(self, *arguments: str) -> Output:
        """Run a Python command with this product's environment."""
        return self.tree.run(arguments, self._variables)

    # Runs

    def pause(self) -> None:
        """Suspend the workers, so that runs stay pending and answers about them are deterministic."""
        for worker in self._workers():
            worker.suspend()

    def resume(self) -> None:
        """Resume the workers."""
        for worker in self._workers():
            worker.resume()

    def wait_for_runs(self) -> None:
        """Wait until every run has ended; TimeoutError if no run ends for a long time."""
        before, moved_at = -1, time.monotonic()
        while left := self._open_runs():
            if left != before:
                before, moved_at = left, time.monotonic()
            if time.monotonic() - moved_at > _STALLED_SECONDS:
                raise TimeoutError(f"{left} runs of {self.tree.path} did not end, see {self._log}")
            time.sleep(0.5)

    def _open_runs(self) -> int:
        return sum(len(self.json(f"/api/runs?status={status}&limit=200")["runs"]) for status in _OPEN)

    def _workers(self) -> list[psutil.Process]:
        """The child processes other than the web tier, which runs in gunicorn."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        return [child for child in children if "gunicorn" not in " ".join(child.cmdline())]

    # Processes

    def _is_ready(self) -> bool:
        return self.request("GET", "/ready", None, {}).status == 200

    def _stop(self) -> None:
        """Terminate it, then kill the processes that remain."""
        process = self._process
        if process is None:
            return
        family = _family(process)
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.resume()
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_TIMEOUT_SECONDS)
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


def _family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The process and its descendants."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        number: int = probe.getsockname()[1]
    return number
