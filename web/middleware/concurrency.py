"""How many requests are worked on at once: a full server says so quickly, and goes on."""

from __future__ import annotations

import threading
import time

from flask import Flask, g, request

from web.errors import Busy
from web.services import settings

_PATIENCE_SECONDS = 2.0
_ALWAYS = {"health.health", "health.ready", "health.metrics", "assets.show"}
_HEAVY = {
    "keeping.verify",
    "datasets.upload",
    "datasets.preview",
    "datasets.api_upload",
    "yahoo_import.by_form",
    "yahoo_import.by_json",
}
"""What computes for long or waits for others: never more than a part of the places, so that looking is quick."""


class Gate:
    """So many may be inside, so many wait for a moment, and the rest is sent away."""

    def __init__(self, places: int, *, waiting: int, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._free, self._waiting = places, 0
        self._most_waiting, self._patience = waiting, patience_seconds
        self._changed = threading.Condition()

    def enter(self) -> bool:
        """Take a place, at once or within the patience; false where there is none."""
        with self._changed:
            if self._free == 0 and not self._wait():
                return False
            self._free -= 1
            return True

    def leave(self) -> None:
        """Give the place back."""
        with self._changed:
            self._free += 1
            self._changed.notify()

    def _wait(self) -> bool:
        if self._waiting >= self._most_waiting:
            return False
        self._waiting += 1
        try:
            give_up_at = time.monotonic() + self._patience
            while self._free == 0 and (left := give_up_at - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._free > 0
        finally:
            self._waiting -= 1


def register(app: Flask) -> None:
    """Let every request through a gate before anything else is done for it."""
    with app.app_context():
        limits = settings().limits
    heavy_places = max(1, limits.requests_at_once // 4)
    every = Gate(limits.requests_at_once, waiting=limits.requests_waiting)
    heavy = Gate(heavy_places, waiting=heavy_places)

    def enter() -> None:
        if request.endpoint in _ALWAYS:
            return
        g.inside = []
        for gate in [heavy, every] if request.endpoint in _HEAVY else [every]:
            if not gate.enter():
                raise Busy
            g.inside.append(gate)

    def leave(_error: BaseException | None) -> None:
        for gate in g.pop("inside", []):
            gate.leave()

    app.before_request(enter)
    app.teardown_request(leave)
