"""A backup brings the whole database back: every run, every result hash, every trade."""

import pytest

from tests.docs import guide
from tests.e2e.harness.guide_installation import GuideInstallation

RULES = (
    {"rule_type": "BUY_AND_HOLD", "params": {}},
    {"rule_type": "RSI", "params": {}},
    {"rule_type": "MACD", "params": {}},
    {"rule_type": "MOVING_AVERAGE_CROSS", "params": {"fast": 5, "slow": 20}, "stop_loss_pct": 5},
    {"rule_type": "DONCHIAN_BREAKOUT", "params": {}, "direction": "long_short"},
)
pytestmark = pytest.mark.timeout(900)
FINGERPRINTS = "SELECT run_id, status, result_hash FROM runs ORDER BY run_id"
LOST = ["FAILED", "NULL"]
"""What the reconciler writes for a run of which only the workflow is left; without a workflow there is nothing."""
TRADES = "SELECT COUNT(*), SUM(pnl) FROM trades"


@pytest.fixture(scope="module")
def story(guide_installation: GuideInstallation):
    """Runs, a backup, one more run, the loss of everything, the restore; what the database held at each time."""
    product = guide_installation.product()
    try:
        for run_id in [product.submit(**rule) for rule in RULES]:
            product.ended(run_id)
        before = product.sql(FINGERPRINTS), product.sql(TRADES)
        (backup,) = guide.chapter(13, "cluster")[:1]
        guide_installation.shell.run(backup)
        late = product.submit()
        product.ended(late)
        product.sql("DROP TABLE trades; DELETE FROM results; UPDATE runs SET status = 'FAILED'")
        restored = guide_installation.shell.run(guide.chapter(13, "cluster")[1])
        after = product.sql(FINGERPRINTS), product.sql(TRADES)
        verified = product.submit()
        yield before, after, late, restored, product.ended(verified)
    finally:
        product.close()


def test_every_run_has_the_same_result_hash_after_the_restore(story, record_property):
    before, after, _late, _restored, _verified = story

    known = {row[0] for row in before[0]}
    assert [row for row in after[0] if row[0] in known] == before[0]
    assert after[1] == before[1]
    hashes = {row[2] for row in before[0] if row[1] == "SUCCEEDED"}
    assert len(hashes) >= len(RULES)
    assert all(len(each) == 64 for each in hashes)
    record_property("seen", f"{len(before[0])} runs, {before[1][0][0]} trades, {len(hashes)} result hashes")


def test_the_result_of_after_the_backup_is_gone_and_the_database_is_whole(story):
    _before, after, late, restored, _verified = story

    seen = {row[0]: row[1:] for row in after[0]}
    assert seen.get(late, LOST) == LOST
    assert restored.rstrip().endswith("the database is consistent")


def test_the_product_goes_on_after_the_restore(story):
    *_, verified = story

    assert verified["status"] == "SUCCEEDED"
