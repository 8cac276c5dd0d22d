"""What can go wrong with the record, in words for the person who has to mend it."""

from __future__ import annotations


class StoreError(Exception):
    """The base of all errors of the record."""


class Conflict(StoreError):
    """The same identity was used before for something else."""


class QuotaExceeded(StoreError):
    """A client asked for more than one client may; says what is allowed and when to come back."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class UnknownRun(StoreError):
    """There is no run of that id."""


class UnknownToken(StoreError):
    """There is no token of that id."""


class UnknownDataset(StoreError):
    """There is no dataset of that symbol or hash."""


class SchemaBehind(StoreError):
    """The database's schema is not the one that this release needs."""
