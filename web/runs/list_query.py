"""The query string of a list of runs: filters, order, and where a page begins."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast, get_args

from flask import url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from backtest.errors import FieldError, InvalidRequest
from backtest.plural import counted
from store.models import Status
from store.queries import run_list

SORTS: tuple[str, ...] = get_args(run_list.Sort)
_MOST = 200
_LIMIT = 50
_LONGEST = 200
_MOST_COUNTED = 10_000
_FILTERS = ("q", "symbol", "rule_type", "status", "tag", "starred", "created_from", "created_to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What the list shows."""

    filter: run_list.Filter
    sort: run_list.Sort
    descending: bool
    after: tuple[Any, str] | None
    limit: int


def from_query(arguments: MultiDict[str, str]) -> Query:
    """Read the query string, or `InvalidRequest` with everything in it that is wrong."""
    reader = _Reader(arguments)
    query = Query(
        filter=run_list.Filter(
            status=reader.statuses(),
            rule_type=reader.text("rule_type"),
            symbol=reader.text("symbol"),
            tag=reader.text("tag"),
            text=reader.text("q"),
            starred=reader.choice("starred", "false", ("false", "true")) == "true",
            created_from=reader.day("created_from"),
            created_to=reader.day("created_to"),
        ),
        sort=cast(run_list.Sort, reader.choice("sort", "created_at", SORTS)),
        descending=reader.choice("order", "desc", ("desc", "asc")) == "desc",
        after=reader.cursor("after"),
        limit=reader.whole("limit", _LIMIT, 1, _MOST),
    )
    if reader.errors:
        raise InvalidRequest(reader.errors)
    return query


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of the list, and the address of the next one."""

    query: Query
    page: run_list.Page
    next_address: str | None


def read_listing(
    session: Session, endpoint: str, arguments: MultiDict[str, str], *, with_metrics: bool = False
) -> Listing:
    """The page of runs that the query string asks for, or `InvalidRequest`."""
    query = from_query(arguments)
    page = run_list.page(
        session,
        query.filter,
        sort=query.sort,
        descending=query.descending,
        after=query.after,
        limit=query.limit,
        with_metrics=with_metrics,
    )
    following = address(endpoint, arguments, after=_cursor(*page.after)) if page.after else None
    return Listing(query=query, page=page, next_address=following)


def count(session: Session, listing: Listing) -> str:
    """How many runs fit; what is not all on the first page is counted up to a bound."""
    query, found = listing.query, len(listing.page.runs)
    if query.after or listing.page.after:
        found = run_list.count(session, query.filter, sort=query.sort, most=_MOST_COUNTED + 1)
    return f"more than {_MOST_COUNTED:,} runs" if found > _MOST_COUNTED else counted(found, "run")


def _cursor(value: Any, run_id: str) -> str:
    """Where the next page begins, as one opaque word."""
    plain = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([plain, run_id]).encode()).decode().rstrip("=")


def address(endpoint: str, arguments: MultiDict[str, str], **changes: str | None) -> str:
    """The same list with some of its query changed; None removes."""
    query: dict[str, Any] = {name: values for name, values in arguments.lists() if any(values)}
    query |= changes
    return url_for(endpoint, **{name: value for name, value in query.items() if value is not None})


def cleared(endpoint: str, arguments: MultiDict[str, str]) -> str:
    """The same list in the same order without its filters."""
    return address(endpoint, arguments, after=None, **dict.fromkeys(_FILTERS))


def sorted_by(endpoint: str, arguments: MultiDict[str, str], query: Query, name: str) -> Mapping[str, str]:
    """The address that sorts by a column (the other way round if it is sorted by already), and aria-sort."""
    current = query.sort == name
    order = "asc" if current and query.descending else "desc"
    state = ("descending" if query.descending else "ascending") if current else "none"
    return {"href": address(endpoint, arguments, sort=name, order=order, after=None), "state": state}


class _Reader:
    """Reads arguments and collects what is wrong with them."""

    def __init__(self, arguments: MultiDict[str, str]) -> None:
        self._arguments = arguments
        self.errors: list[FieldError] = []

    def text(self, name: str) -> str:
        text = self._arguments.get(name, "").strip()
        if len(text) > _LONGEST or "\x00" in text:
            self._wrong(name, f"must be text of at most {_LONGEST} characters", text)
            return ""
        return text

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self._arguments.get(name) or default
        if text in choices:
            return text
        self._wrong(name, f"must be one of {', '.join(choices)}", text)
        return default

    def statuses(self) -> tuple[str, ...]:
        statuses = tuple(filter(None, self._arguments.getlist("status")))
        for text in statuses:
            if text not in set(Status):
                self._wrong("status", f"must be one of {', '.join(Status)}", text)
        return statuses

    def day(self, name: str) -> date | None:
        text = self._arguments.get(name, "")
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if len(text) == 10 else None
        except ValueError:
            day = None
        if day is None or not 1900 <= day.year < 9999:
            self._wrong(name, "must be a date (YYYY-MM-DD), 1900 or later", text)
            return None
        return day

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        text = self._arguments.get(name) or str(default)
        if text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high:
            return int(text)
        self._wrong(name, f"must be a whole number from {low} to {high}", text)
        return default

    def cursor(self, name: str) -> tuple[Any, str] | None:
        text = self._arguments.get(name, "")
        if not text:
            return None
        try:
            value, run_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            sort = self._arguments.get("sort") or "created_at"
            marked = datetime.fromisoformat(value) if sort == "created_at" else float(value)
            if not isinstance(run_id, str) or (isinstance(marked, datetime) and marked.tzinfo is None):
                raise ValueError(text)
            run_id.encode()
            return marked, run_id
        except (ValueError, TypeError):
            self._wrong(name, "must be the cursor from the previous page", text)
            return None

    def _wrong(self, name: str, message: str, value: str) -> None:
        shown = value[:60]
        self.errors.append(FieldError(name, f"{message}, got {shown!r}", shown))
