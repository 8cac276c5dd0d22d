"""Says where formulas are true while they are written: computed by a child without secrets, within limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cachetools import LRUCache

from workflows.errors import ParserBusy, PreviewRefused
from workflows.parsing import children
from workflows.parsing.children import Limits, OutOfMemory, TookTooLong

PARTS: Final = 240
"""Of how many parts the small chart consists at most."""
MOST_BARS: Final = 500_000
_LIMITS: Final = Limits(memory_mib=384, seconds=5, data_mib=64)
_WAIT_SECONDS: Final = 2.0
_KEPT: Final = 512
_CLOSE: Final = ""
"""The key under which the closes of a chart are kept; no formula is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaQuestion:
    """Formulas on the bars of a dataset from `first` up to before `stop`."""

    data_hash: str
    formulas: Sequence[str]
    constants: Mapping[str, float]
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class Previewed:
    """The close of each part of a chart, and by formula its `Preview` ready for JSON."""

    close: Sequence[float]
    formulas: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FormulaPreviewer:
    """Previews one question at a time; what was previewed before is kept and not computed again."""

    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(1))
    _known: LRUCache[tuple[Any, ...], Any] = field(default_factory=lambda: LRUCache(_KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def preview(self, question: FormulaQuestion, payload: Callable[[], bytes]) -> Previewed:
        """Every formula on these bars; `payload` gives the encoded dataset where it is needed.

        Raises
        ------
        PreviewRefused
            Where it takes more than a preview may; the text says what to do.
        ParserBusy
            Where others are being previewed.
        """
        if question.stop > MOST_BARS:
            raise PreviewRefused(f"Formulas are previewed on up to {MOST_BARS:,} bars.")
        if found := self._kept(question):
            return found
        if not self.places.acquire(timeout=_WAIT_SECONDS):
            raise ParserBusy("other formulas are being previewed; try again in a moment")
        try:
            return self._kept(question) or self._computed(question, payload())
        finally:
            self.places.release()

    def _kept(self, question: FormulaQuestion) -> Previewed | None:
        """The answer, where all of it is known."""
        found = self._looked_up(question)
        if len(found) < 1 + len(set(question.formulas)):
            return None
        return Previewed(found.pop(_CLOSE), found)

    def _computed(self, question: FormulaQuestion, payload: bytes) -> Previewed:
        found = self._looked_up(question)
        missing = [text for text in question.formulas if text not in found]
        answer = _asked(question, missing, payload)
        found |= {_CLOSE: answer["close"]} | dict(zip(missing, answer["formulas"], strict=True))
        with self._lock:
            self._known.update({_key(question, name): value for name, value in found.items()})
        return Previewed(found.pop(_CLOSE), found)

    def _looked_up(self, question: FormulaQuestion) -> dict[str, Any]:
        with self._lock:
            found = {name: self._known.get(_key(question, name)) for name in (_CLOSE, *question.formulas)}
        return {name: value for name, value in found.items() if value is not None}


def _key(question: FormulaQuestion, formula: str) -> tuple[Any, ...]:
    constants = tuple(sorted(question.constants.items())) if formula else ()
    return question.data_hash, question.first, question.stop, formula, constants


def _asked(question: FormulaQuestion, formulas: Sequence[str], payload: bytes) -> dict[str, Any]:
    about = {
        "task": "preview",
        "formulas": formulas,
        "constants": dict(question.constants),
        "first": question.first,
        "stop": question.stop,
        "parts": PARTS,
    }
    try:
        answer, _ = children.ask(about, payload, _LIMITS)
    except (OutOfMemory, TookTooLong):
        text = f"The preview took more than {_LIMITS.seconds} seconds or {_LIMITS.memory_mib} MiB; a run has more."
        raise PreviewRefused(text) from None
    if "refused" in answer:
        raise PreviewRefused(f"The formula cannot be previewed: {answer['refused']}")
    return answer
