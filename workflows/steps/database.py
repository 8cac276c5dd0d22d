"""The process's one door to the record; a forked step finds it as its parent left it, without connections."""

from __future__ import annotations

from functools import cache

from store.session import Database


@cache
def record(url: str) -> Database:
    """The database of that address, opened once a process.

    What SQLAlchemy learned and compiled on it is inherited by forked steps, connections must not be:
    whoever forks closes it before.
    """
    return Database.open(url, pool_size=1)
