"""Results: stored whole or not at all, and read back as they were."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from backtest.run import result_tables
from store.models import Result, Status, Trade
from store.queries import results, runs
from tests.store.builders import NOON, result, started, submitted, succeeded, trade


def rows(database, table):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_result_is_stored_together_with_succeeded_and_its_headline_figures(database):
    run_id = started(database)

    with database.write() as session:
        stored = results.succeed(session, run_id, result([trade(1), trade(2)]), now=NOON)

    with database.read() as session:
        run = runs.get(session, run_id)
    assert stored
    assert (run.status, run.stage, run.progress, run.completed_at) == (Status.SUCCEEDED, "done", 1.0, NOON)
    assert (run.total_return, run.sharpe_ratio, run.max_drawdown, run.num_trades) == (0.5, None, -0.25, 2)
    assert (run.result_hash, run.engine_version, run.data_hash) == ("r" * 64, 7, "d" * 64)
    assert rows(database, Trade) == 2


def test_a_result_stored_twice_is_stored_once(database):
    run_id = succeeded(database, [trade(1)])

    with database.write() as session:
        again = results.succeed(session, run_id, result([trade(1)]), now=NOON)

    assert not again
    assert (rows(database, Result), rows(database, Trade)) == (1, 1)


@pytest.mark.parametrize("ended", [runs.cancel, None], ids=["cancelled", "still pending"])
def test_nothing_is_stored_for_a_run_that_is_not_running(database, ended):
    run_id = submitted(database)
    with database.write() as session:
        if ended:
            ended(session, run_id, now=NOON)

    with database.write() as session:
        assert not results.succeed(session, run_id, result([trade(1)]), now=NOON)

    assert (rows(database, Result), rows(database, Trade)) == (0, 0)


def test_a_result_that_cannot_be_stored_whole_leaves_the_run_running(database):
    run_id = started(database)
    half_a_trade = trade(2, side=None)

    with pytest.raises(SQLAlchemyError), database.write() as session:
        results.succeed(session, run_id, result([trade(1), half_a_trade]), now=NOON)

    with database.read() as session:
        assert runs.get(session, run_id).status == Status.RUNNING
    assert (rows(database, Result), rows(database, Trade)) == (0, 0)


def test_curves_and_times_come_back_bit_for_bit(database):
    run_id = started(database)
    odd = np.array([0.1 + 0.2, -0.0, np.nan, 1e308, 5e-324])
    brought = result(bars=5)
    brought.curves["equity"][:] = odd

    with database.write() as session:
        results.succeed(session, run_id, brought, now=NOON)

    with database.read() as session:
        stored = {name: results.column(session, run_id, name) for name in results.COLUMNS}
        assert results.column(session, "no such run", "equity") is None
    assert results.curve(stored["equity"]).tobytes() == odd.tobytes()
    assert results.curve(stored["cash"]).tolist() == [0, 1, 2, 3, 4]
    assert (results.times(stored["times"]) == brought.times).all()


def test_there_is_no_result_before_there_is_one(database):
    run_id = submitted(database)

    with database.read() as session:
        assert results.get(session, run_id) is None
        assert results.trades(session, run_id) == []
        assert results.count_trades(session, run_id) == 0


def test_trades_keep_their_order_and_every_figure(database):
    given = trade(3, size=0.1 + 0.2, pnl=-1.5, exit_reason="trailing_stop")
    run_id = succeeded(database, [trade(5), given, trade(1)])

    with database.read() as session:
        rows = results.trades(session, run_id)

    assert [row.seq for row in rows] == [0, 1, 2]
    assert {name: getattr(rows[1], name) for name in result_tables.TRADE_COLUMNS} == given


def test_trades_are_sorted_narrowed_and_paged(database):
    run_id = succeeded(
        database,
        [
            trade(2, symbol="GOOG"),
            trade(9, side="short"),
            trade(4, exit_reason="stop_loss"),
            trade(4, symbol="GOOG", side="short"),
        ],
    )

    def pnl(**wanted):
        with database.read() as session:
            return [(one.pnl, one.seq) for one in results.trades(session, run_id, **wanted)]

    assert pnl(sort="pnl") == [(2, 0), (4, 2), (4, 3), (9, 1)]
    assert pnl(sort="pnl", descending=True) == [(9, 1), (4, 3), (4, 2), (2, 0)]
    assert pnl(sort="pnl", offset=1, limit=2) == [(4, 2), (4, 3)]
    assert pnl(where={"symbol": "GOOG"}) == [(2, 0), (4, 3)]
    assert pnl(where={"symbol": "GOOG", "side": "short"}) == [(4, 3)]
    assert pnl(where={"exit_reason": "stop_loss"}) == [(4, 2)]
    assert pnl(where={"symbol": "", "colour": "red"}) == [(2, 0), (9, 1), (4, 2), (4, 3)]


def test_a_trade_that_brought_nothing_counts_as_lost(database):
    run_id = succeeded(database, [trade(5), trade(0), trade(-3)])

    with database.read() as session:
        seqs = {
            outcome: [one.seq for one in results.trades(session, run_id, where={"outcome": outcome})]
            for outcome in ("won", "lost")
        }

    assert seqs == {"won": [0], "lost": [1, 2]}


def test_trades_are_counted_as_they_are_narrowed_and_only_those_of_the_run(database):
    run_id = succeeded(database, [trade(1), trade(2, side="short")])
    succeeded(database, [trade(1), trade(2), trade(3)])

    with database.read() as session:
        every = results.count_trades(session, run_id)
        short = results.count_trades(session, run_id, where={"side": "short"})

    assert (every, short) == (2, 1)


def test_what_trades_brought_comes_as_arrays_in_order(database):
    run_id = succeeded(database, [trade(2), trade(1)])

    with database.read() as session:
        closed = results.closed_pnl(session, run_id)

    days = [(NOON + timedelta(days=days)).date().isoformat() for days in (3, 2)]
    assert closed.times.astype("datetime64[D]").astype(str).tolist() == days
    assert closed.pnl.tolist() == [2.0, 1.0]


def test_more_trades_than_one_statement_takes_are_all_stored(database):
    count = results._ROWS_AT_ONCE + 1

    run_id = succeeded(database, [trade(number % 300) for number in range(count)])

    with database.read() as session:
        assert results.count_trades(session, run_id) == count
        last = results.trades(session, run_id, offset=count - 1)
        some = results.trades(session, run_id, offset=10, limit=2)
    assert [one.seq for one in last] == [count - 1]
    assert [one.seq for one in some] == [10, 11]


def test_deleting_a_run_takes_its_result_and_trades_with_it(database):
    run_id = succeeded(database, [trade(1)])
    other = succeeded(database, [trade(1)])

    with database.write() as session:
        runs.remove(session, run_id)

    assert (rows(database, Result), rows(database, Trade)) == (1, 1)
    with database.read() as session:
        assert results.count_trades(session, other) == 1
