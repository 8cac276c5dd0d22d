"""What was injected, by kind, and every promise that did not hold."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Literal, Self, get_args

Promise = Literal["lost", "stuck", "duplicate", "silent", "next failed", "not whole", "answered 500", "died"]
PROMISES: tuple[Promise, ...] = get_args(Promise)


@dataclass
class Tally:
    """Counts of one record; shows how far it is on stderr."""

    record: str
    injected: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    """Runs by how they ended: SUCCEEDED, CANCELLED, or FAILED with the error code."""
    broken: list[tuple[str, Promise, str]] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    minutes: float = inf
    """After so many no further fault is begun."""

    @property
    def is_over(self) -> bool:
        """Whether the time for faults is over."""
        return time.monotonic() - self.began_at > 60 * self.minutes

    def add(self, other: Tally) -> None:
        """Count in what was injected earlier."""
        self.injected.update(other.injected)
        self.ended.update(other.ended)
        self.broken += other.broken
        self.seconds += other.seconds

    def inject(self, kind: str, number: int = 1) -> None:
        """Note faults that happened."""
        self.injected[kind] += number

    def breaks(self, kind: str, promise: Promise, text: str) -> None:
        """Note a promise that did not hold."""
        self.broken.append((kind, promise, text))
        self.say(f"BROKEN {kind}: {promise}: {text}")

    def say(self, text: str) -> None:
        """Show progress."""
        passed, total = time.monotonic() - self.began_at, self.injected.total()
        line = f"{passed:5.0f} s  {self.record:6}  {total:5} faults  {len(self.broken)} broken  {text}"
        print(line, file=sys.stderr, flush=True)

    def write(self, path: Path) -> None:
        """Keep the counts for whoever started this process."""
        content = {
            "record": self.record,
            "injected": self.injected,
            "ended": self.ended,
            "broken": self.broken,
            "seconds": self.seconds + time.monotonic() - self.began_at,
        }
        path.write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The counts that were kept."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            record=content["record"],
            injected=Counter(content["injected"]),
            ended=Counter(content["ended"]),
            broken=[tuple(one) for one in content["broken"]],
            seconds=content["seconds"],
        )


def lines(tallies: Iterable[Tally]) -> list[str]:
    """A Markdown table of all counts, one row a kind and record."""
    head = f"| fault | record | injected | {' | '.join(PROMISES)} |"
    rows = [head, "|---|---|" + "---:|" * (len(PROMISES) + 1)]
    total, broken = 0, Counter[str]()
    for tally in tallies:
        for kind, number in tally.injected.items():
            found = Counter(promise for where, promise, _ in tally.broken if where == kind)
            total, broken = total + number, broken + found
            counts = " | ".join(str(found[promise]) for promise in PROMISES)
            rows.append(f"| {kind} | {tally.record} | {number:,} | {counts} |")
    counts = " | ".join(f"**{broken[promise]}**" for promise in PROMISES)
    return [*rows, f"| **all** | | **{total:,}** | {counts} |"]
