"""One client's share of a minute, also on a clock that jumps."""

from datetime import timedelta

import pytest

from store.errors import QuotaExceeded
from store.queries import quotas
from tests.store.builders import NOON

QUOTA = quotas.Quota(per_minute=2)


def spend(database, now):
    with database.write() as session:
        quotas.spend(session, quotas.account(session, "client", now=now), QUOTA, now=now)


def test_after_the_clock_was_set_back_a_client_has_a_whole_share_again(database):
    spend(database, NOON)
    yesterday = NOON - timedelta(days=1)

    spend(database, yesterday)
    spend(database, yesterday)

    with pytest.raises(QuotaExceeded, match="at most 2 submissions per minute"):
        spend(database, yesterday)
