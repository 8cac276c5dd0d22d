"""Runs in lists: narrowed, sorted, page by page, and counted. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Select, Text, and_, func, or_, select, true, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session, load_only

from backtest import rules
from backtest.run.request import OPTION_FIELDS
from store.models import Run, RunSymbol, Status

Sort = Literal["created_at", "total_return", "sharpe_ratio", "max_drawdown", "num_trades"]
_Rows = TypeVar("_Rows", Run, str)


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
    with_metrics: bool = False,
) -> Page:
    """Runs in order, `limit` at a time, by keyset: the next page costs what the first one does.

    Sorted by a metric, only runs that have it are listed. `with_metrics` reads all metrics of each.
    """
    column: ColumnElement[Any] = getattr(Run, sort)
    read = (*_LISTED, Run.metrics) if with_metrics else _LISTED
    query = _filtered(select(Run).options(load_only(*read)), conditions or Filter())
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


def count(session: Session, conditions: Filter, *, sort: Sort, most: int) -> int:
    """How many runs `page` would list in all, counted no further than `most`."""
    query = _filtered(select(Run.run_id), conditions)
    if sort != "created_at":
        query = query.where(getattr(Run, sort).is_not(None))
    return session.scalar(select(func.count()).select_from(query.limit(most).subquery())) or 0


def count_by_status(session: Session) -> dict[str, int]:
    """The number of runs of each status, 0 included."""
    counted = session.execute(select(Run.status, func.count()).group_by(Run.status))
    return {str(status): 0 for status in Status} | dict(counted.all())


def waiting_before(session: Session, run: Run) -> int:
    """How many PENDING runs are older than this one."""
    earlier = and_(Run.status == Status.PENDING, Run.created_at < run.created_at)
    return session.scalar(select(func.count()).select_from(Run).where(earlier)) or 0


def _filtered(query: Select[_Rows], conditions: Filter) -> Select[_Rows]:
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
    return query.where(*(_mentions(word) for word in conditions.text.split()))


_TEXTS = (Run.name, Run.notes, Run.run_id, Run.rule_type)
_LISTS = tuple(type_coerce(column, Text) for column in (Run.symbols, Run.params, Run.tags))


def _mentions(word: str) -> ColumnElement[bool]:
    """Whether a row of the list shows the word, in upper or lower case."""
    written = json.dumps(word, ensure_ascii=False)[1:-1]
    return or_(
        *(_contains(column, word) for column in _TEXTS),
        *(_contains(column, written) for column in _LISTS),
        Run.rule_type.in_(_labelled(word.lower())),
    )


def _contains(column: ColumnElement[Any] | InstrumentedAttribute[Any], word: str) -> ColumnElement[bool]:
    """The database folds both sides alike: MySQL compares these columns by their bytes."""
    escaped = word.replace("|", "||").replace("%", "|%").replace("_", "|_")
    return func.lower(column).like(func.lower(f"%{escaped}%"), escape="|")


def _labelled(word: str) -> list[str]:
    """The rules whose label has the word."""
    return [name for name in rules.names() if word in rules.get(name).label.lower()]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
