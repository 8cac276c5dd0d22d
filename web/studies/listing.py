"""A page of the list of studies, and the cursor of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import request, url_for
from sqlalchemy.orm import Session

from backtest.errors import FieldError, InvalidRequest
from store.models import Study
from store.queries.studies import studies
from web.api.request_parsing import query_number


def read(session: Session, endpoint: str) -> tuple[Sequence[Study], str | None]:
    """The studies that the query string asks for, and the address of the next page."""
    limit = query_number("limit", 50, 1, 200)
    found, after = studies.listed(session, after=_cursor(request.args.get("after", "")), limit=limit)
    if after is None:
        return found, None
    moment, study_id = after
    cursor = f"{moment.isoformat()}_{study_id}"
    return found, url_for(endpoint, after=cursor, limit=limit if limit != 50 else None)


def _cursor(text: str) -> tuple[datetime, str] | None:
    if not text:
        return None
    moment, _, study_id = text.partition("_")
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise InvalidRequest([FieldError("after", "must be the cursor from the previous page", text[:60])])
    return when, study_id
