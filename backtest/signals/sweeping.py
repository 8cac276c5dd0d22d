"""What may be kept and compiled while one rule is executed on the same prices again and again.

Within `sweeping`, an indicator of the same series and numbers is computed once, and positions and crossings
are found by compiled kernels. A single run does neither: it would wait for the compiler and use nothing twice.
The results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np

MOST_BYTES: Final = 96_000_000
"""Memory that the kept series may take; beyond it they are forgotten, and computed again where needed."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Memory:
    """Results of calls by what they were given: arrays by identity, everything else by value."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._bytes = most, 0
        self._kept: dict[Hashable, tuple[tuple[object, ...], Any]] = {}
        self._passing: dict[Hashable, int] = {}
        self.known = self._kept.get
        """What was kept under a key, with what it was computed from; None where nothing is."""

    def keep(
        self, key: Hashable, given: tuple[object, ...], result: object, *, until_forgotten: bool = False
    ) -> None:
        """Keep a result, and the arrays it was computed from: an identity is unique while its array lives.

        What is kept `until_forgotten` is needed by the trials at hand alone, and its memory by the next ones.
        """
        size = _bytes_of(result)
        if self._bytes + size > self._most:
            self._kept.clear()
            self._passing.clear()
            self._bytes = 0
        self._kept[key] = (given, result)
        self._bytes += size
        if until_forgotten:
            self._passing[key] = size

    def forget(self) -> None:
        """Let go of what was kept until now only."""
        for key, size in self._passing.items():
            del self._kept[key]
            self._bytes -= size
        self._passing.clear()


_memory: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def sweeping(memory: Memory | None = None) -> Iterator[Memory]:
    """Keep series and use compiled kernels within the block, in this thread."""
    own = memory or Memory()
    token = _memory.set(own)
    try:
        yield own
    finally:
        _memory.reset(token)


def current() -> Memory | None:
    """What the sweep of this thread keeps; None where there is none."""
    return _memory.get()


def is_on() -> bool:
    """Whether a sweep is going on in this thread."""
    return _memory.get() is not None


def kept(arrays: int) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Have a function of so many arrays, then numbers, computed once for the same arguments of a sweep.

    The caller must not change what it returns.
    """

    def keeping(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(function)
        def call(*given: Given.args, **named: Given.kwargs) -> Result:
            memory = _memory.get()
            if memory is None or named:
                return function(*given, **named)
            key = key_of(function, given, arrays)
            if known := memory.known(key):
                found: Result = known[1]
                return found
            result = function(*given, **named)
            memory.keep(key, given, result)
            return result

        return call

    return keeping


def key_of(function: Callable[..., object], given: tuple[object, ...], arrays: int) -> Hashable:
    """Under which a sweep keeps what a `kept` function returned for so many arrays, then numbers."""
    if arrays == 1:
        return function, id(given[0]), given[1:]
    return function, tuple(map(id, given[:arrays])), given[arrays:]


def _bytes_of(result: object) -> int:
    if isinstance(result, tuple):
        return sum(map(_bytes_of, result))
    return result.nbytes if isinstance(result, np.ndarray) else 0
