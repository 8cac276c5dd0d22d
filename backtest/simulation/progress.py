"""How far a run is, counted in the bars that its passes are through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

Progress = Callable[[str, float], None]
PASSES: Final = ("applying rule", "look-ahead", "simulating", "metrics")


class Passes:
    """Reports the fraction of bars done: each pass of a run goes once over the bars of all symbols.

    Parameters
    ----------
    report : called with the name of the pass and the fraction of the whole that is done; never less than before
    bars : of all symbols together
    more : names of the passes behind `PASSES`
    """

    def __init__(self, report: Progress, bars: int, more: Sequence[str] = ()) -> None:
        self._report, self._bars, self._names = report, bars, (*PASSES, *more)
        self._place, self._done = 0, 0

    def begin(self, name: str) -> None:
        """A pass begins: those before it are done."""
        self._place, self._done = self._names.index(name), 0
        self._tell()

    def passed(self, bars: int) -> None:
        """So many more bars of the pass are done."""
        self._done = min(self._bars, self._done + bars)
        self._tell()

    def _tell(self) -> None:
        name, whole = self._names[self._place], len(self._names) * self._bars
        self._report(name, (self._place * self._bars + self._done) / whole)
