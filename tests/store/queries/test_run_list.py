"""Pages of the list of runs: complete in every order, and each order has an index to follow."""

from datetime import timedelta
from typing import get_args

import pytest
from sqlalchemy import inspect, update

from store.models import Run
from store.queries import run_list, runs
from tests.store.builders import NOON, submitted, succeeded

RATIOS = [0.5, -1.0, 0.5, None, 2.0, 0.5, 0.0, None, -1.0]


@pytest.fixture
def ratios(database):
    """Each run's Sharpe ratio by its id; several are equal, some have none."""
    given = {
        succeeded(database, now=NOON + timedelta(hours=hour)): ratio for hour, ratio in enumerate(RATIOS)
    }
    with database.write() as session:
        for run_id, ratio in given.items():
            session.execute(update(Run).where(Run.run_id == run_id).values(sharpe_ratio=ratio))
    return given


def every_page(database, conditions=None, **how):
    seen, after = [], None
    while True:
        with database.read() as session:
            page = run_list.page(session, conditions, after=after, limit=2, **how)
        seen += [run.run_id for run in page.runs]
        if (after := page.after) is None:
            return seen


@pytest.mark.parametrize("descending", [True, False], ids=["descending", "ascending"])
def test_pages_by_a_ratio_hold_each_run_that_has_it_once_and_in_order(database, ratios, descending):
    expected = sorted(
        ((ratio, run_id) for run_id, ratio in ratios.items() if ratio is not None), reverse=descending
    )

    seen = every_page(database, sort="sharpe_ratio", descending=descending)

    assert [(ratios[run_id], run_id) for run_id in seen] == expected


@pytest.mark.parametrize("descending", [True, False], ids=["newest first", "oldest first"])
def test_pages_by_time_hold_every_run_once_and_in_order(database, ratios, descending):
    seen = every_page(database, descending=descending)

    assert seen == (list(ratios)[::-1] if descending else list(ratios))


def test_pages_of_a_narrowed_list_go_on_as_narrow(database, ratios):
    starred = list(ratios)[::2]
    with database.write() as session:
        for run_id in starred:
            runs.annotate(session, run_id, starred=True)

    seen = every_page(database, run_list.Filter(starred=True))

    assert seen == starred[::-1]


def test_a_page_after_a_run_that_is_gone_goes_on_where_it_was(database, ratios):
    oldest, *_ = ratios
    with database.read() as session:
        page = run_list.page(session, limit=len(ratios) - 1)
    with database.write() as session:
        runs.remove(session, page.after[1])

    with database.read() as session:
        following = run_list.page(session, after=page.after)

    assert [run.run_id for run in following.runs] == [oldest]
    assert following.after is None


def test_every_order_of_the_list_has_an_index_that_ends_with_the_run(database):
    indexed = {tuple(index["column_names"]) for index in inspect(database.engine).get_indexes("runs")}

    assert {(sort, "run_id") for sort in get_args(run_list.Sort)} <= indexed


def test_runs_that_wait_are_counted_by_their_age(database):
    ids = [submitted(database, now=NOON + timedelta(seconds=second)) for second in range(3)]

    with database.read() as session:
        before = [run_list.waiting_before(session, runs.get(session, run_id)) for run_id in ids]

    assert before == [0, 1, 2]


def test_pages_follow_each_other_without_gap_or_repeat(database):
    run_ids = [submitted(database, now=NOON + timedelta(seconds=second // 2)) for second in range(7)]
    seen, after = [], None

    while True:
        with database.read() as session:
            page = run_list.page(session, after=after, limit=3)
        seen += [run.run_id for run in page.runs]
        if (after := page.after) is None:
            break

    assert len(seen) == 7
    assert set(seen) == set(run_ids)


def test_a_list_is_narrowed_by_symbol_rule_status_text_star_tag_and_day(database):
    first = submitted(database)
    second = submitted(
        database, symbols=["GOOG", "SP500"], rule_type="RSI", params={}, now=NOON + timedelta(days=2)
    )
    with database.write() as session:
        runs.annotate(session, second, name="100% long_short", tags=["desk"], starred=True)

    def matching(**conditions):
        with database.read() as session:
            return {run.run_id for run in run_list.page(session, run_list.Filter(**conditions)).runs}

    assert (
        matching(symbol="GOOG")
        == matching(rule_type="RSI")
        == matching(starred=True)
        == matching(tag="desk")
        == {second}
    )
    assert matching(text="100% long_") == {second}
    assert matching(text="100_") == set()
    assert matching(status=("PENDING",)) == matching(symbol="SP500") == {first, second}
    assert matching(created_to=NOON.date()) == {first}
    assert matching(created_from=NOON.date() + timedelta(days=2)) == {second}


def test_each_word_is_searched_in_what_a_row_shows(database):
    crossing = submitted(database)
    formula = submitted(
        database, rule_type="EXPRESSION", params={"entry": "close > sma(close, 5)"}, symbols=["GOOG"]
    )
    with database.write() as session:
        runs.annotate(session, formula, name='The "Ärger" run', tags=["50% desk"])

    def matching(text):
        with database.read() as session:
            return {run.run_id for run in run_list.page(session, run_list.Filter(text=text)).runs}

    assert matching("moving average") == matching("CROSS") == {crossing}
    assert (
        matching("SMA(close, 5)")
        == matching("goog desk")
        == matching('"Ärger"')
        == matching("50%")
        == {formula}
    )
    assert matching("Formula") == matching("expression") == {formula}
    assert matching("goog moving") == set()


def test_runs_are_counted_in_all_pages_up_to_a_bound(database, ratios):
    def counted(sort, most=100):
        with database.read() as session:
            return run_list.count(session, run_list.Filter(), sort=sort, most=most)

    assert counted("created_at") == len(RATIOS)
    assert counted("sharpe_ratio") == len(RATIOS) - RATIOS.count(None)
    assert counted("created_at", most=4) == 4
