"""Says how long a study will take before it is submitted: a child without secrets times some of its trials."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cachetools import TTLCache

from backtest.studies.plan import Plan, work
from config import logs
from workflows.errors import ParserFailed
from workflows.parsing import children
from workflows.parsing.children import Limits, OutOfMemory, TookTooLong

_LIMITS: Final = Limits(memory_mib=1024, seconds=5, data_mib=64)
_KEPT: Final = 512
_KEPT_SECONDS: Final = 600.0
log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class StudyTimer:
    """Times one study at a time; what a simulated bar takes is kept for studies that differ in values alone."""

    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(1))
    _known: TTLCache[tuple[Any, ...], float | None] = field(
        default_factory=lambda: TTLCache(_KEPT, _KEPT_SECONDS)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seconds(
        self, planned: Plan, bars: int, hashes: Mapping[str, str], payload: Callable[[str], bytes]
    ) -> float | None:
        """Seconds of one processor that all trials take; None where they cannot be timed now.

        Parameters
        ----------
        bars : those on which the first account selects
        hashes : the data hash of each symbol that is read
        payload : gives the encoded dataset of a data hash where it is needed
        """
        read = {symbol: hashes[symbol] for symbol in _read(planned)}
        key = _key(planned, read)
        with self._lock:
            if key in self._known:
                rate = self._known[key]
                return None if rate is None else rate * work(planned, bars)
        if not self.places.acquire(blocking=False):
            return None
        try:
            found = _asked(planned, {symbol: payload(data_hash) for symbol, data_hash in read.items()})
        finally:
            self.places.release()
        with self._lock:
            self._known[key] = None if found is None else found / work(planned, bars)
        return found


def _read(planned: Plan) -> list[str]:
    """The symbols whose prices the first account reads."""
    benchmark = planned.request.run.benchmark
    return sorted({*planned.accounts[0], *([benchmark] if benchmark else [])})


def _key(planned: Plan, read: Mapping[str, str]) -> tuple[Any, ...]:
    """What a simulated bar takes depends on it; numbers are left out, which are changed one after the other."""
    request = planned.request
    formulas = tuple(text for text in request.run.params.values() if isinstance(text, str))
    axes = tuple(axis.name for axis in request.axes)
    return request.run.rule_type, formulas, axes, request.walk_forward is None, tuple(read.values())


def _asked(planned: Plan, payloads: Mapping[str, bytes]) -> float | None:
    lengths = {symbol: len(content) for symbol, content in payloads.items()}
    about = {"task": "time", "request": planned.request.as_json(), "lengths": lengths}
    if sum(lengths.values()) > _LIMITS.data_mib << 20:
        return None
    try:
        answer, _ = children.ask(about, b"".join(payloads.values()), _LIMITS)
    except (OutOfMemory, TookTooLong, ParserFailed) as error:
        log.warning("study not timed", rule_type=planned.request.run.rule_type, error=type(error).__name__)
        return None
    return answer.get("seconds")
