"""The audit trail for admins: who did what, as a page and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from store.models import AuditEntry
from store.queries import audit
from store.queries.audit import Action, Filter
from web.api import serializers
from web.api.audit_schemas import AuditEntries
from web.api.request_parsing import query_choice, query_number
from web.services import database

_LIMIT, _MOST = 50, 200
_LARGEST_ID = 2**31 - 1
_LONGEST = 128
_ACTIONS = tuple(str(action) for action in Action)

bp = Blueprint("audit", __name__)


@bp.get("/audit")
def page() -> str:
    """Who did what, the newest first."""
    listing = _read()
    return render_template(
        "audit.html",
        listing=listing,
        actions=_ACTIONS,
        following=_address("audit.page", listing),
        is_first="before" not in request.args,
    )


@bp.get("/api/audit")
def entries() -> Response:
    """The same as JSON, in pages; `next` is the address of the following one."""
    listing = _read()
    body: AuditEntries = {
        "entries": [serializers.audit_entry(entry) for entry in listing.entries],
        "next": _address("audit.entries", listing),
    }
    return jsonify(body)


@dataclass(frozen=True, slots=True)
class _Listing:
    filter: Filter
    entries: Sequence[AuditEntry]
    before: int | None


def _read() -> _Listing:
    """The part of the trail that the query string asks for, or `InvalidRequest`."""
    conditions = Filter(
        action=query_choice("action", "", ("", *_ACTIONS)),
        client=request.args.get("client", "").strip()[:_LONGEST],
        target=request.args.get("target", "").strip()[:_LONGEST],
    )
    before = query_number("before", 0, 1, _LARGEST_ID) or None
    limit = query_number("limit", _LIMIT, 1, _MOST)
    with database().read() as session:
        found, following = audit.page(session, conditions, before=before, limit=limit)
    return _Listing(conditions, found, following)


def _address(endpoint: str, listing: _Listing) -> str | None:
    if listing.before is None:
        return None
    arguments: dict[str, Any] = request.args.to_dict() | {"before": str(listing.before)}
    return url_for(endpoint, **arguments)
