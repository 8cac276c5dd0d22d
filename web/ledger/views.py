"""What has been tried: the page of the ledger, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flask import Blueprint, Response, abort, jsonify, render_template, url_for
from sqlalchemy.orm import Session

from store.models import LedgerEntry
from store.queries.studies import ledger
from web.api.request_parsing import query_number
from web.ledger import schemas
from web.services import database

_PAGE = 50
_MOST_SOURCES = 500
_MOST_OFFSET = 1_000_000

bp = Blueprint("ledger", __name__)


@bp.get("/ledger")
def page() -> str:
    """What was tried on which rule and prices, the newest first."""
    with database().read() as session:
        found, offset = _read(session)
    return render_template(
        "ledger/list.html", pools=found[:_PAGE], following=_next("ledger.page", found, offset)
    )


@bp.get("/ledger/<fingerprint>")
def show(fingerprint: str) -> str:
    """What was tried on one rule and its prices: every study and every run."""
    return render_template("ledger/pool.html", **_tried(fingerprint)._asdict())


@bp.get("/api/ledger")
def list_pools() -> Response:
    """The same as JSON, in pages."""
    with database().read() as session:
        found, offset = _read(session)
    body: schemas.Ledger = {
        "tried": [_as_json(pool) for pool in found[:_PAGE]],
        "next": _next("ledger.list_pools", found, offset),
    }
    return jsonify(body)


@bp.get("/api/ledger/<fingerprint>")
def one_pool(fingerprint: str) -> Response:
    """One rule and its prices, with every request that tried something on them."""
    found = _tried(fingerprint)
    body: schemas.LedgerSources = {
        "tried": _as_json(found.pool),
        "sources": [_source(entry, found.kinds.get(entry.source)) for entry in found.sources],
    }
    return jsonify(body)


class _Tried(NamedTuple):
    """One rule and its prices, the requests that tried something on them, and which are studies."""

    pool: ledger.Pool
    sources: Sequence[LedgerEntry]
    kinds: Mapping[str, str]


def _tried(fingerprint: str) -> _Tried:
    with database().read() as session:
        pool = _pool(session, fingerprint)
        sources = ledger.entries(session, fingerprint, limit=_MOST_SOURCES)
        return _Tried(pool, sources, ledger.kinds(session, [entry.source for entry in sources]))


def _read(session: Session) -> tuple[Sequence[ledger.Pool], int]:
    """A page and one more, and where it begins."""
    offset = query_number("offset", 0, 0, _MOST_OFFSET)
    return ledger.pools(session, offset=offset, limit=_PAGE + 1), offset


def _next(endpoint: str, found: Sequence[ledger.Pool], offset: int) -> str | None:
    return url_for(endpoint, offset=offset + _PAGE) if len(found) > _PAGE else None


def _pool(session: Session, fingerprint: str) -> ledger.Pool:
    found = ledger.pools(session, of=fingerprint[:64], limit=1)
    if not found:
        abort(404, "nothing was tried under this fingerprint; GET /api/ledger lists what was")
    return found[0]


def _as_json(pool: ledger.Pool) -> schemas.LedgerPool:
    return {
        "fingerprint": pool.fingerprint,
        "rule_type": pool.rule_type,
        "symbols": list(pool.symbols),
        "timeframe": pool.timeframe,
        "trials": pool.tried.trials,
        "mean": pool.tried.mean,
        "variance": pool.tried.variance,
        "requests": pool.requests,
        "last_at": pool.last_at.isoformat(),
    }


def _source(entry: LedgerEntry, kind: str | None) -> schemas.LedgerSource:
    return {
        "source": entry.source,
        "kind": kind,
        "trials": entry.trials,
        "mean": entry.mean,
        "variance": entry.variance,
        "created_at": entry.created_at.isoformat(),
    }
