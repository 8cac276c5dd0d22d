"""What became of the runs that clients were promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from sqlalchemy import select

from qa.harness.environment import TestEnvironment
from store.admin.check import problems
from store.models import OPEN, Run, Status

_DRAIN_SECONDS = 1_800.0


def ended(
    environment: TestEnvironment, promised: Collection[str], *, seconds: float = _DRAIN_SECONDS
) -> Counter[str]:
    """Wait until these runs have ended, at most so long; how many have each status."""
    environment.happens(lambda: environment.all_ended(promised), seconds=seconds)
    with environment.database.read() as session:
        rows = session.execute(select(Run.run_id, Run.status)).all()
    return Counter(status for run_id, status in rows if run_id in promised)


def waiting(ends: Counter[str]) -> int:
    """How many of the runs have not ended."""
    return sum(ends[status] for status in OPEN)


def broken(
    environment: TestEnvironment, promised: Collection[str], ends: Counter[str], *, may_wait: bool = False
) -> Iterator[str]:
    """Every promise that was not kept, and everything that `python -m store check` finds.

    A run that has not ended is no broken promise where it may wait.
    """
    if lost := len(promised) - ends.total():
        yield f"{lost} runs were promised and are not in the database"
    if ends[Status.SUCCEEDED] + may_wait * waiting(ends) != ends.total():
        yield f"not every run succeeded: {dict(ends)}"
    yield from problems(environment.database)
