"""How the database answers the queries that pages ask: the real statements, explained and timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from qa.benchmarks.scale.seed import Seeded
from store.models import Status
from store.queries import results, run_list, runs
from store.session import Database

_REPETITIONS = 7
_DEEP_PAGE = 400
_NEWEST = date(2025, 12, 31)

Query = Callable[[Session], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One row of EXPLAIN."""

    table: str
    kind: str
    key: str
    rows: int
    extra: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a question costs, and the way the database took for each statement of it."""

    question: str
    median_ms: float
    slowest_ms: float
    steps: tuple[Step, ...]


def measure(database: Database, seeded: Seeded) -> Iterator[Plan]:
    """A plan for each question that a page or a poller asks."""
    for question, query in _questions(database, seeded).items():
        yield _plan(database, question, query)


def _questions(database: Database, seeded: Seeded) -> dict[str, Query]:
    return _of_one_run(database, seeded) | _of_the_list(database)


def _of_one_run(database: Database, seeded: Seeded) -> dict[str, Query]:
    run_id, heavy = seeded.with_result[1], seeded.heavy
    waiting = _newest_of(database, Status.PENDING)
    questions: dict[str, Query] = {
        "status: the run": lambda session: runs.get(session, run_id),
        "status: its result": lambda session: results.get(session, run_id),
        "status: its first 1,000 trades": lambda session: results.trades(session, run_id, limit=1_000),
        "status: runs waiting before it": lambda session: run_list.waiting_before(session, waiting),
        "metrics: runs by status": run_list.count_by_status,
        "trades of the heavy run: page 1": _trades(heavy, "seq", 0),
        "trades of the heavy run: its last page": _trades(heavy, "seq", -100),
        "trades of the heavy run: by profit, page 1": _trades(heavy, "pnl", 0),
        "trades of the heavy run: by exit, its last page": _trades(heavy, "exit_time", -100),
        "trades of the heavy run: shorts": _trades(heavy, "seq", 0, side="short"),
        "trades of the heavy run: lost, by profit": _trades(heavy, "pnl", 0, outcome="lost"),
        "trades of the heavy run: count": lambda session: results.count_trades(session, heavy),
    }
    return questions


def _trades(run_id: str, sort: Any, offset: int, **where: str) -> Query:
    def query(session: Session) -> Any:
        first = offset if offset >= 0 else results.count_trades(session, run_id) + offset
        return results.trades(session, run_id, sort=sort, where=where, offset=first, limit=100)

    return query


def _of_the_list(database: Database) -> dict[str, Query]:
    filters: dict[str, dict[str, Any]] = {
        "all": {},
        "FAILED": {"status": ("FAILED",)},
        "FAILED or CANCELLED": {"status": ("FAILED", "CANCELLED")},
        "SUCCEEDED": {"status": ("SUCCEEDED",)},
        "rule RSI": {"rule_type": "RSI"},
        "rule RSI, SUCCEEDED": {"rule_type": "RSI", "status": ("SUCCEEDED",)},
        "symbol SP500": {"symbol": "SP500"},
        "symbol SYM190": {"symbol": "SYM190"},
        "symbol SP500, FAILED": {"symbol": "SP500", "status": ("FAILED",)},
        "starred": {"starred": True},
        "tag desk-7": {"tag": "desk-7"},
        "text study 77": {"text": "study 77"},
        "text that nothing has": {"text": "no such text"},
        "a week": {"created_from": _NEWEST - timedelta(days=7), "created_to": _NEWEST},
    }
    questions = {f"list: {name}": _list(chosen) for name, chosen in filters.items()}
    for sort in ("total_return", "sharpe_ratio", "max_drawdown", "num_trades"):
        questions[f"list: by {sort}"] = _list({}, sort=sort)
    questions["list: by sharpe_ratio, rule RSI"] = _list({"rule_type": "RSI"}, sort="sharpe_ratio")
    questions["list: by sharpe_ratio, symbol SYM190"] = _list({"symbol": "SYM190"}, sort="sharpe_ratio")
    questions["list: by sharpe_ratio, SUCCEEDED"] = _list({"status": ("SUCCEEDED",)}, sort="sharpe_ratio")
    questions["list: oldest first"] = _list({}, descending=False)
    for sort in ("created_at", "sharpe_ratio"):
        after = _deep(database, sort)
        questions[f"list: by {sort}, page {_DEEP_PAGE}"] = _list({}, sort=sort, after=after)
    return questions


def _list(filters: Mapping[str, Any], **how: Any) -> Query:
    return lambda session: run_list.page(session, run_list.Filter(**filters), **how)


def _deep(database: Database, sort: Any) -> tuple[Any, str] | None:
    """Where a page far down the list begins."""
    with database.read() as session:
        page = run_list.page(session, sort=sort, limit=50 * _DEEP_PAGE)
    return page.after


def _newest_of(database: Database, status: Status) -> Any:
    with database.read() as session:
        return run_list.page(session, run_list.Filter(status=(status,)), limit=1).runs[0]


def _plan(database: Database, question: str, query: Query) -> Plan:
    taken = []
    for _ in range(_REPETITIONS):
        with database.read() as session:
            start = time.perf_counter()
            query(session)
            taken.append(1_000 * (time.perf_counter() - start))
    with database.read() as session, _statements(database.engine) as statements:
        query(session)
    steps = [step for statement in statements for step in _explained(database.engine, *statement)]
    return Plan(question, statistics.median(taken), max(taken), tuple(steps))


@contextmanager
def _statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Collects every SELECT with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _explained(engine: Engine, statement: str, parameters: Any) -> Iterator[Step]:
    with engine.connect() as connection:
        for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings():
            extra = row["Extra"] or ""
            yield Step(row["table"] or "", row["type"] or "", row["key"] or "", int(row["rows"] or 0), extra)
