"""Runs in lists: narrowed, sorted, page by page, and counted. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, Text, and_, func, or_, select, true, type_coerce
from sqlalchemy.orm import Session, load_only

from backtest.run.request import OPTION_FIELDS
from store.models import Run, RunSymbol, Status

Sort = Literal["created_at", "total_return", "sharpe_ratio", "max_drawdown", "num_trades"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The conditions on a list of runs; an empty field is no condition."""

    status: tuple[str, ...] = ()
    rule_type: str = ""
    symbol: str = ""
    tag: str = ""
    text: str = ""
    starred: bool = False
    created_from: date | None = None
    created_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some runs of a list, and the cursor after which the next page begins; None at the end."""

    runs: Sequence[Run]
    after: tuple[Any, str] | None = field(default=None)


_LISTED = (
    Run.run_id, Run.status, Run.stage, Run.progress, Run.created_at, Run.started_at, Run.completed_at,
    Run.error_code, Run.error_message, Run.symbols, Run.rule_type, Run.params, Run.start_date, Run.end_date,
    Run.total_return, Run.sharpe_ratio, Run.max_drawdown, Run.num_trades, Run.name, Run.tags, Run.starred,
    Run.benchmark, *(getattr(Run, option.name) for option in OPTION_FIELDS),
)  # fmt: skip


def page(
    session: Session,
    conditions: Filter | None = None,
    *,
    sort: Sort = "created_at",
    descending: bool = True,
    after: tuple[Any, str] | None = None,
    limit: int = 50,
) -> Page:
    """Runs in order, `limit` at a time, by keyset: the next page costs what the first one does.

    Sorted by a metric, only runs that have it are listed.
    """
    column: ColumnElement[Any] = getattr(Run, sort)
    query = _filtered(select(Run).options(load_only(*_LISTED)), conditions or Filter())
    if sort != "created_at":
        query = query.where(column.is_not(None))
    if after is not None:
        query = query.where(_beyond(column, after, descending=descending))
    order = (column.desc(), Run.run_id.desc()) if descending else (column.asc(), Run.run_id.asc())
    runs = session.scalars(query.order_by(*order).limit(limit + 1)).all()
    shown = runs[:limit]
    is_last = len(runs) <= limit
    return Page(runs=shown, after=None if is_last else (getattr(shown[-1], sort), shown[-1].run_id))


def _beyond(column: ColumnElement[Any], after: tuple[Any, str], *, descending: bool) -> ColumnElement[bool]:
    """Past the cursor, written so that MySQL uses a range of the index, which a row comparison does not."""
    value, run_id = after
    if descending:
        return and_(column <= value, or_(column < value, Run.run_id < run_id))
    return and_(column >= value, or_(column > value, Run.run_id > run_id))


def count_by_status(session: Session) -> dict[str, int]:
    """The number of runs of each status, 0 included."""
    counted = session.execute(select(Run.status, func.count()).group_by(Run.status))
    return {str(status): 0 for status in Status} | dict(counted.all())


def waiting_before(session: Session, run: Run) -> int:
    """How many PENDING runs are older than this one."""
    earlier = and_(Run.status == Status.PENDING, Run.created_at < run.created_at)
    return session.scalar(select(func.count()).select_from(Run).where(earlier)) or 0


def _filtered(query: Select[Run], conditions: Filter) -> Select[Run]:
    query = query.where(Run.verifies.is_(None))
    if conditions.symbol:
        query = query.join(RunSymbol, RunSymbol.run_id == Run.run_id).where(
            RunSymbol.symbol == conditions.symbol
        )
    if conditions.status:
        query = query.where(Run.status.in_(conditions.status))
    if conditions.rule_type:
        query = query.where(Run.rule_type == conditions.rule_type)
    if conditions.starred:
        query = query.where(Run.starred == true())
    if conditions.created_from:
        query = query.where(Run.created_at >= _midnight(conditions.created_from))
    if conditions.created_to:
        query = query.where(Run.created_at < _midnight(conditions.created_to + timedelta(days=1)))
    if conditions.tag:
        query = query.where(
            type_coerce(Run.tags, Text).contains(
                json.dumps(conditions.tag, ensure_ascii=False), autoescape=True
            )
        )
    if conditions.text:
        fields = (Run.name, Run.notes, Run.run_id, Run.rule_type, type_coerce(Run.symbols, Text))
        query = query.where(or_(*(column.contains(conditions.text, autoescape=True) for column in fields)))
    return query


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
