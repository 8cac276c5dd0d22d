"""What one client may change within a minute, by whatever way."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from store.queries import quotas
from web.auth.authentication import client
from web.services import now, settings
from workflows.submission import quota_of


def spend(session: Session) -> None:
    """Account for one more change of the client, as for a submission; or raise `QuotaExceeded`."""
    quotas.spend_one(session, client(), replace(quota_of(settings()), waiting=0), now=now())
