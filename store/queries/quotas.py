"""Quotas of clients, kept in the database, so that every replica decides the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Insert, func, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.orm import Session

from backtest.plural import counted
from store.errors import QuotaExceeded
from store.models import Client, Run, Status

_WINDOW = timedelta(minutes=1)
_LOOK_AGAIN_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many runs one client may have waiting, and submit within a minute; 0 is no limit."""

    waiting: int = 0
    per_minute: int = 0

    @property
    def is_set(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.waiting or self.per_minute)


def account(session: Session, client: str, *, now: datetime) -> Client:
    """The client's account, locked until the transaction ends: submissions of one client are serialized."""
    held = select(Client).where(Client.client == client).with_for_update()
    if row := session.scalars(held).first():
        return row
    session.execute(_creation(session.get_bind().dialect.name, client, now))
    return session.scalars(held).one()


def _creation(dialect: str, client: str, now: datetime) -> Insert:
    """Create the account unless another replica has just done so.

    A plain INSERT that meets the row of another would keep a shared lock on it: several of them would deadlock.
    """
    values = {"client": client, "spent_until": now}
    if dialect == "sqlite":
        return sqlite.insert(Client).values(values).on_conflict_do_nothing()
    return mysql.insert(Client).values(values).on_duplicate_key_update(client=client)


def spend(session: Session, account: Client, quota: Quota, *, now: datetime) -> None:
    """Account for one more submission, or raise `QuotaExceeded` with the time to wait.

    Each submission takes its share of a minute. A client that used up a whole minute waits until a share of it
    has passed (the generic cell rate algorithm): a burst of a minute's worth is fine, more in any minute is not.
    """
    if quota.waiting:
        _check_waiting(session, account.client, quota.waiting)
    if not quota.per_minute:
        return
    share = _WINDOW / quota.per_minute
    is_plausible = (
        account.spent_until <= now + 2 * _WINDOW
    )  # later ones are from before the clock was set back
    spent = min(max(account.spent_until, now), now + _WINDOW) if is_plausible else now
    ahead = spent + share - now
    if ahead > _WINDOW:
        seconds = math.ceil((ahead - _WINDOW).total_seconds())
        raise QuotaExceeded(
            f"at most {counted(quota.per_minute, 'submission')} per minute allowed per client; "
            f"retry in {seconds} s",
            retry_after_seconds=seconds,
        )
    account.spent_until = spent + share


def spend_one(session: Session, client: str, quota: Quota, *, now: datetime) -> None:
    """Account for one more submission of the client, or raise `QuotaExceeded`; without a quota nothing is kept."""
    if quota.is_set:
        spend(session, account(session, client, now=now), quota, now=now)


def _check_waiting(session: Session, client: str, most: int) -> None:
    waiting = select(func.count()).select_from(Run).where(Run.client == client, Run.status == Status.PENDING)
    count = session.scalar(waiting) or 0
    if count >= most:
        raise QuotaExceeded(
            f"{counted(count, 'run is', 'runs are')} waiting, at most {most} allowed per client; "
            f"retry in {_LOOK_AGAIN_SECONDS} s or when some of them have started",
            retry_after_seconds=_LOOK_AGAIN_SECONDS,
        )
