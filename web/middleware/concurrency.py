"""How many requests are worked on at once: a server at capacity says so quickly, and goes on."""

from __future__ import annotations

import threading
import time

from flask import Flask, Response, g, request

from web.errors import AtCapacity
from web.services import settings

EXTENSION = "stock_backtest_concurrency"
WAIT_SECONDS = 2.0
_EXEMPT = {"health.health", "health.ready", "health.metrics", "assets.show"}
_HEAVY = {
    "datasets.upload",
    "datasets.preview",
    "datasets.api_upload",
    "yahoo_import.by_form",
    "yahoo_import.by_json",
    "splits.by_form",
    "splits.by_json",
    "presets.every",
}
"""Endpoints that compute for long or wait for others: they get a part of the slots, so that pages stay quick."""
_FROM_RESULTS = {
    "submit.check",
    "formula_preview.preview",
    "curves.curves",
    "risk.rolled",
    "trade_charts.candles",
    "trade_charts.markers",
    "trade_charts.trade",
    "trade_charts.show_trade",
    "trade_charts.show_symbols",
    "curves.picture",
    "exports.trades_csv",
    "exports.equity_csv",
    "exports.equity_parquet",
    "exports.result_json",
    "exports.report",
    "pages.compare_runs",
    "datasets.detail",
    "datasets.candles",
    "study_submit.check",
    "study_pages.show",
    "study_api.trials",
    "study_api.heatmap",
    "study_exports.trials_csv",
    "study_exports.trials_parquet",
}
"""Answers that take calendars, prices, curves, trades or trials as a whole: a part, which no upload keeps occupied."""
_SIGN_IN = {"sign_in.by_token", "sign_in.start", "sign_in.callback"}
"""Open to everybody, and some of them wait for the identity provider: a part of the slots as well, but another."""


class ConcurrencyLimit:
    """At most so many requests inside and so many waiting for a moment; the rest is refused at once."""

    def __init__(self, slots: int, *, queue: int, wait_seconds: float) -> None:
        self._free_slots, self._queued = slots, 0
        self._queue, self._wait_seconds = queue, wait_seconds
        self._changed = threading.Condition()

    @property
    def queued(self) -> int:
        """How many requests wait for a slot."""
        return self._queued

    def acquire(self) -> bool:
        """Take a slot, at once or within the time to wait; false where there is none."""
        with self._changed:
            if self._free_slots == 0 and not self._wait():
                return False
            self._free_slots -= 1
            return True

    def release(self) -> None:
        """Give the slot back."""
        with self._changed:
            self._free_slots += 1
            self._changed.notify()

    def _wait(self) -> bool:
        if self._queued >= self._queue:
            return False
        self._queued += 1
        try:
            give_up_at = time.monotonic() + self._wait_seconds
            while self._free_slots == 0 and (left := give_up_at - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._free_slots > 0
        finally:
            self._queued -= 1


def register(app: Flask) -> None:
    """Limit every request before anything else is done for it."""
    with app.app_context():
        limits = settings().limits
    few = max(1, limits.requests_at_once // 4)
    all_requests = ConcurrencyLimit(
        limits.requests_at_once, queue=limits.requests_waiting, wait_seconds=WAIT_SECONDS
    )
    heavy, sign_in = (ConcurrencyLimit(few, queue=few, wait_seconds=WAIT_SECONDS) for _ in range(2))
    answers = ConcurrencyLimit(few, queue=limits.requests_waiting, wait_seconds=WAIT_SECONDS)
    of_part = (
        dict.fromkeys(_HEAVY, heavy)
        | dict.fromkeys(_FROM_RESULTS, answers)
        | dict.fromkeys(_SIGN_IN, sign_in)
    )
    app.extensions[EXTENSION] = all_requests

    def acquire() -> None:
        if request.endpoint in _EXEMPT:
            return
        g.acquired = []
        # The limit of a part comes first: a request that waits for it must not hold a slot of all.
        part = of_part.get(request.endpoint or "")
        for limit in [part, all_requests] if part else [all_requests]:
            if not limit.acquire():
                raise AtCapacity
            g.acquired.append(limit)

    def hand_over(response: Response) -> Response:
        """A stream is sent as fast as the client reads it: for that it holds no slot."""
        if response.is_streamed:
            release(None)
        return response

    def release(_error: BaseException | None) -> None:
        for limit in g.pop("acquired", []):
            limit.release()

    app.before_request(acquire)
    app.after_request(hand_over)
    app.teardown_request(release)
