"""What was injected, by kind, and every invariant that did not hold."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Literal, Self, get_args

Invariant = Literal[
    "lost", "stuck", "duplicate", "silent", "next failed", "not whole", "answered 500", "died", "held up"
]
INVARIANTS: tuple[Invariant, ...] = get_args(Invariant)


@dataclass
class Report:
    """Counts on one kind of database; shows progress on stderr."""

    database: str
    injected: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    """Runs by how they ended: SUCCEEDED, CANCELLED, or FAILED with the error code."""
    violations: list[tuple[str, Invariant, str]] = field(default_factory=list)
    started_at: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    minutes: float = inf
    """After so many no further fault is injected."""

    @property
    def is_over(self) -> bool:
        """Whether the time for faults is over."""
        return time.monotonic() - self.started_at > 60 * self.minutes

    def add(self, other: Report) -> None:
        """Add the counts of an earlier run."""
        self.injected.update(other.injected)
        self.ended.update(other.ended)
        self.violations += other.violations
        self.seconds += other.seconds

    def inject(self, kind: str, number: int = 1) -> None:
        """Count faults that happened."""
        self.injected[kind] += number

    def violate(self, kind: str, invariant: Invariant, text: str) -> None:
        """Add an invariant that did not hold."""
        self.violations.append((kind, invariant, text))
        self.progress(f"VIOLATED {kind}: {invariant}: {text}")

    def progress(self, text: str) -> None:
        """Show how far it is."""
        passed, total = time.monotonic() - self.started_at, self.injected.total()
        line = (
            f"{passed:5.0f} s  {self.database:6}  {total:5} faults  {len(self.violations)} violations  {text}"
        )
        print(line, file=sys.stderr, flush=True)

    def write(self, path: Path) -> None:
        """Write the counts for the parent process."""
        content = {
            "database": self.database,
            "injected": self.injected,
            "ended": self.ended,
            "violations": self.violations,
            "seconds": self.seconds + time.monotonic() - self.started_at,
        }
        path.write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The counts that a process has written."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            database=content["database"],
            injected=Counter(content["injected"]),
            ended=Counter(content["ended"]),
            violations=[tuple(row) for row in content["violations"]],
            seconds=content["seconds"],
        )


def table(reports: Sequence[Report]) -> list[str]:
    """A Markdown table: a row for each kind, a column for each database, and one for each violated invariant."""
    violated = [
        name for name in INVARIANTS if any(name in row for report in reports for row in report.violations)
    ]
    columns = [*(report.database for report in reports), *violated]
    rows = [f"| fault | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    kinds = dict.fromkeys(kind for report in reports for kind in report.injected)
    rows += [_row(kind, [kind], reports, violated) for kind in kinds]
    return [*rows, _row("**all**", list(kinds), reports, violated)]


def _row(title: str, kinds: Sequence[str], reports: Sequence[Report], violated: Sequence[Invariant]) -> str:
    cells = [
        f"{sum(report.injected[kind] for kind in kinds):,}" if {*kinds} & {*report.injected} else ""
        for report in reports
    ]
    found = Counter(name for report in reports for kind, name, _ in report.violations if kind in kinds)
    return f"| {title} | {' | '.join([*cells, *(str(found[name]) for name in violated)])} |"
