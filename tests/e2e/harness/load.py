"""Visitors who do not stop: each request on a connection of its own, every answer kept."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable

import requests

from tests.e2e.harness.product import REQUEST

_PAUSE = 0.05


class Load:
    """Some visitors of one address, from `start` to `stop`."""

    def __init__(self, address: str, *, visitors: int, run_id: str) -> None:
        self._address, self._ends = address, threading.Event()
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self.submitted: list[str] = []
        ways = (self._health, lambda: self._page(f"/status/{run_id}"), lambda: self._page("/runs"))
        chosen = [ways[number % len(ways)] for number in range(visitors)] + [self._submit]
        self._threads = [threading.Thread(target=self._visit, args=(way,)) for way in chosen]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    @property
    def lost(self) -> dict[str, int]:
        """Every answer that is none, or not the one that was asked for."""
        return {answer: count for answer, count in self.answers.items() if not answer.startswith("2")}

    def _visit(self, way: Callable[[], requests.Response]) -> None:
        while not self._ends.wait(_PAUSE):
            begun = time.monotonic()
            try:
                self.answers[str(way().status_code)] += 1
            except requests.RequestException as error:
                self.answers[type(error).__name__] += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def _health(self) -> requests.Response:
        return self._page("/health")

    def _page(self, path: str) -> requests.Response:
        return requests.get(f"{self._address}{path}", timeout=60, headers={"Connection": "close"})

    def _submit(self) -> requests.Response:
        time.sleep(2)
        run_id = str(uuid.uuid4())
        answer = requests.post(f"{self._address}/run_backtest", json=REQUEST | {"run_id": run_id}, timeout=60,
                               headers={"Connection": "close"})  # fmt: skip
        self.submitted += [run_id] if answer.status_code == 202 else []
        return answer
