"""The database of a step, opened once a process."""

from __future__ import annotations

from functools import cache

from store.session import Database


@cache
def open_once(url: str) -> Database:
    """The database of that address, opened once a process.

    What SQLAlchemy learned and compiled on it is inherited by forked steps, connections must not be:
    the parent closes it before it forks.
    """
    return Database.open(url, pool_size=1)
