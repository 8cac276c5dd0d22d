"""What became of the runs that clients were promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from sqlalchemy import select

from qa.environment import TestEnvironment
from store.admin.check import problems
from store.models import Run, Status

_DRAIN_SECONDS = 1_800.0


def ended(environment: TestEnvironment, promised: Collection[str]) -> Counter[str]:
    """Wait until these runs have ended; how many have each status."""
    environment.happens(lambda: environment.all_ended(promised), seconds=_DRAIN_SECONDS)
    with environment.database.read() as session:
        rows = session.execute(select(Run.run_id, Run.status)).all()
    return Counter(status for run_id, status in rows if run_id in promised)


def broken(environment: TestEnvironment, promised: Collection[str], ends: Counter[str]) -> Iterator[str]:
    """Every promise that was not kept, and everything that `python -m store check` finds."""
    if lost := len(promised) - ends.total():
        yield f"{lost} runs were promised and are not in the database"
    if ends[Status.SUCCEEDED] != len(promised):
        yield f"not every run succeeded: {dict(ends)}"
    yield from problems(environment.database)
