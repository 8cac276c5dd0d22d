"""Fills a database: every row through the models, the many trades and results copied by the server itself."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, text

from backtest import samples
from backtest.run import result_tables
from backtest.run.outcome import run as execute
from backtest.run.request import RunRequest
from qa.examples import MINIMAL
from qa.harness.run_queue import add_samples
from store.models import Run, RunSymbol, Status
from store.queries import results, runs
from store.session import Database
from workflows.steps.tables import to_result

REQUEST = MINIMAL | {"params": {"fast": 5, "slow": 20}, "fee_rate": 0.001}
_STATUSES = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.PENDING, Status.RUNNING)
_SHARES = (970, 15, 10, 4, 1)
_RULES = ("MOVING_AVERAGE_CROSS", "RSI", "MACD", "EXPRESSION", "BOLLINGER", "DONCHIAN", "BUY_AND_HOLD")
_SYMBOLS = ("SP500", "NASDAQ", "GOOG", *(f"SYM{number:03d}" for number in range(197)))
_DAYS = 730
_RUNS_AT_ONCE, _COPIED_AT_ONCE = 1_000, 2_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is put into the database."""

    runs: int = 100_000
    trades: int = 5_000_000
    results: int = 2_000
    heavy_trades: int = 100_000


@dataclass(frozen=True, slots=True)
class Seeded:
    """What can be asked for: runs with a whole result, one with very many trades, and those that have not ended."""

    with_result: list[str]
    heavy: str
    waiting: list[str]


def fill(database: Database, size: Size, progress: Progress) -> Seeded:
    """Put prices, one real result and copies of it into the database."""
    chance = random.Random(5)
    template = _template(database)
    progress(f"one real run with {_counted(database, template)} trades")
    added = _add_runs(database, size.runs - 1, template, chance)
    progress(f"{size.runs:,} runs")
    heavy, *others = sorted(added[Status.SUCCEEDED])
    with database.engine.connect() as connection:
        _copy_trades(connection, template, heavy, size.heavy_trades)
        left = size.trades - size.heavy_trades
        for first in range(0, len(others), _COPIED_AT_ONCE):
            part = others[first : first + _COPIED_AT_ONCE]
            # whole trades for each run, and no remainder at the end
            before, after = (left * place // len(others) for place in (first, first + len(part)))
            _spread_trades(connection, template, part, after - before)
            progress(f"{size.heavy_trades + after:,} trades")
        with_result = [heavy, *chance.sample(others, min(size.results, len(others)))]
        _copy_results(connection, template, with_result)
        progress(f"{len(with_result):,} results")
        connection.execute(text("ANALYZE TABLE runs, run_symbols, trades, results"))
    return Seeded(with_result, heavy, added[Status.PENDING] + added[Status.RUNNING])


def _template(database: Database) -> str:
    """A real run that SUCCEEDED, with its result."""
    request, now = RunRequest.parse(REQUEST), datetime.now(UTC)
    add_samples(database)
    with database.write() as session:
        runs.submit(session, runs.Submission(request=request, received=REQUEST), now=now)
    outcome = execute(request, {"SP500": samples.load("SP500")})
    with database.write() as session:
        runs.start(session, request.run_id, engine_version=outcome.summary["engine_version"], now=now)
        results.succeed(session, request.run_id, to_result(outcome.summary, outcome.tables), now=now)
    return request.run_id


def _counted(database: Database, run_id: str) -> int:
    with database.read() as session:
        return results.count_trades(session, run_id)


def _add_runs(database: Database, count: int, template: str, chance: random.Random) -> dict[str, list[str]]:
    """Runs like the template, in the mixture of years of use; their ids by status."""
    with database.read() as session:
        like = runs.get(session, template)
        columns = {column.key: getattr(like, column.key) for column in Run.__table__.columns}
    added: dict[str, list[str]] = {status: [] for status in Status}
    for rows in _batches(columns, count, chance):
        symbols = [{"run_id": row["run_id"], "symbol": name} for row in rows for name in row["symbols"]]
        with database.write() as session:
            session.execute(insert(Run), rows)
            session.execute(insert(RunSymbol), symbols)
        for row in rows:
            added[row["status"]].append(row["run_id"])
    return added


def _batches(like: dict[str, Any], count: int, chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, count, _RUNS_AT_ONCE):
        yield [like | _varied(chance) for _ in range(min(_RUNS_AT_ONCE, count - first))]


def _varied(chance: random.Random) -> dict[str, Any]:
    run_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    status = chance.choices(_STATUSES, _SHARES)[0]
    created = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=chance.uniform(0, _DAYS * 86_400))
    ended = created + timedelta(seconds=0.2) if status not in (Status.PENDING, Status.RUNNING) else None
    row = {
        "run_id": run_id,
        "status": status,
        "created_at": created,
        "started_at": None if status == Status.PENDING else created,
        "completed_at": ended,
        "rule_type": chance.choices(_RULES, range(len(_RULES), 0, -1))[0],
        "symbols": _some_symbols(chance),
        "name": f"study {chance.randrange(2_000)}" if chance.random() < 0.2 else None,
        "tags": [f"desk-{chance.randrange(20)}"] if chance.random() < 0.1 else [],
        "starred": chance.random() < 0.01,
    }
    return row | (_metrics(run_id, chance) if status == Status.SUCCEEDED else _NO_METRICS)


_NO_METRICS: dict[str, Any] = dict.fromkeys(
    ("metrics", "total_return", "sharpe_ratio", "max_drawdown", "num_trades", "result_hash")
)


def _metrics(run_id: str, chance: random.Random) -> dict[str, Any]:
    return {
        "total_return": chance.gauss(0.5, 0.6),
        "sharpe_ratio": None if chance.random() < 0.01 else chance.gauss(0.4, 0.5),
        "max_drawdown": -chance.random() * 0.6,
        "num_trades": chance.randrange(100),
        "result_hash": run_id.replace("-", "") * 2,  # one of its own, so that no cache answers for another
    }


def _some_symbols(chance: random.Random) -> list[str]:
    """Mostly one symbol; a few of them are asked for far more often than the rest."""
    count = 1 if chance.random() < 0.8 else chance.randrange(2, 6)
    places = {min(int(chance.paretovariate(0.6)) - 1, len(_SYMBOLS) - 1) for _ in range(count)}
    return [_SYMBOLS[place] for place in sorted(places)]


_COPIED = ", ".join(result_tables.TRADE_COLUMNS)


def _spread_trades(connection: Connection, template: str, run_ids: list[str], count: int) -> None:
    """`count` trades over these runs, equally but for the rest of the division."""
    each, more = divmod(count, len(run_ids))
    for part, trades in ((run_ids[:more], each + 1), (run_ids[more:], each)):
        if part and trades:
            _copy_many(connection, template, part, trades)


def _copy_many(connection: Connection, template: str, run_ids: list[str], trades: int) -> None:
    statement = f"""
        INSERT INTO trades (run_id, seq, {_COPIED})
        SELECT runs.run_id, {_numbered}, {_prefixed}
        FROM runs JOIN trades AS t JOIN ({_ROUNDS}) AS rounds
        WHERE runs.run_id BETWEEN :first AND :last AND runs.status = 'SUCCEEDED' AND runs.run_id <> :template
          AND t.run_id = :template AND {_numbered} < :trades
        ORDER BY runs.run_id, {_numbered}
    """
    bounds = {"first": run_ids[0], "last": run_ids[-1], "template": template, "trades": trades}
    connection.execute(text(statement), bounds | _period(connection, template, trades))
    connection.commit()


def _copy_trades(connection: Connection, template: str, run_id: str, trades: int) -> None:
    _copy_many(connection, template, [run_id], trades)
    update = text("UPDATE runs SET num_trades = :trades WHERE run_id = :run_id")
    connection.execute(update, {"trades": trades, "run_id": run_id})
    connection.commit()


_numbered = "t.seq + :period * rounds.number"
_prefixed = ", ".join(f"t.{name}" for name in result_tables.TRADE_COLUMNS)
_ROUNDS = """
    WITH RECURSIVE counted AS (SELECT 0 AS number UNION ALL SELECT number + 1 FROM counted
    WHERE number + 1 < :rounds) SELECT number FROM counted
"""


def _period(connection: Connection, template: str, trades: int) -> dict[str, int]:
    """The template's trades are repeated as often as it takes."""
    counted = text("SELECT COUNT(*) FROM trades WHERE run_id = :template")
    period = int(connection.scalar(counted, {"template": template}) or 0)
    rounds = -(-trades // period)
    for name in ("max_recursive_iterations", "cte_max_recursion_depth"):  # MariaDB's name, and MySQL's
        if connection.execute(text(f"SHOW VARIABLES LIKE '{name}'")).first():
            connection.execute(text(f"SET SESSION {name} = {max(1_000, rounds + 1)}"))
    return {"period": period, "rounds": rounds}


def _copy_results(connection: Connection, template: str, run_ids: list[str]) -> None:
    columns = "summary, times, equity, cash, exposure, drawdown, benchmark"
    statement = text(
        f"INSERT INTO results (run_id, {columns}) SELECT :run_id, {columns} FROM results WHERE run_id = :template"
    )
    for run_id in sorted(run_ids):
        connection.execute(statement, {"run_id": run_id, "template": template})
    connection.commit()
