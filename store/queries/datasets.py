"""Datasets: stored once per content, found by symbol or by hash."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from sqlalchemy import Select, and_, bindparam, func, select, update
from sqlalchemy.orm import Session, defer, undefer

from backtest.prices.dataset import Dataset, InvalidPayload
from backtest.prices.library import Library
from backtest.prices.quality import report_of
from store.errors import Conflict, DamagedDataset, UnknownDataset
from store.models import StoredDataset
from store.queries.statements import changed_rows

_LISTED: Final = StoredDataset.deleted_at.is_(None)


def _current_of() -> Select[StoredDataset]:
    newest = (
        select(StoredDataset.symbol, func.max(StoredDataset.current_since).label("since"))
        .where(StoredDataset.symbol.in_(bindparam("symbols", expanding=True)), _LISTED)
        .group_by(StoredDataset.symbol)
        .subquery()
    )
    same = and_(
        StoredDataset.symbol == newest.c.symbol, StoredDataset.current_since == newest.c.since, _LISTED
    )
    return select(StoredDataset).join(newest, same).options(defer(StoredDataset.certificate))


_CURRENT_OF: Final = _current_of()
"""Built once: the form asks it while its user types, and to build it costs more than to execute it."""


def add(session: Session, dataset: Dataset, *, now: datetime) -> StoredDataset:
    """Store the dataset with its quality report as the current version of its symbol; equal content is stored once."""
    stored = session.get(StoredDataset, dataset.data_hash)
    if stored is None:
        stored = _new(dataset, now)
        session.add(stored)
    else:
        stored.payload = dataset.encode()  # heals prices that were damaged: their hash says what they are
        stored.certificate = report_of(dataset)
    stored.current_since, stored.deleted_at = now, None
    session.flush()
    return stored


def current_of(session: Session, symbols: Collection[str]) -> dict[str, StoredDataset]:
    """The current version of each of these symbols that there is; neither prices nor quality reports are read."""
    found = session.scalars(_CURRENT_OF, {"symbols": list(symbols)})
    return {stored.symbol: stored for stored in found}


def current(session: Session, *, text: str = "", limit: int | None = None) -> Sequence[StoredDataset]:
    """The current version of every symbol, by name; without the prices themselves."""
    newest = (
        select(StoredDataset.symbol, func.max(StoredDataset.current_since).label("since"))
        .where(_LISTED)
        .group_by(StoredDataset.symbol)
        .subquery()
    )
    same = and_(
        StoredDataset.symbol == newest.c.symbol, StoredDataset.current_since == newest.c.since, _LISTED
    )
    query = select(StoredDataset).join(newest, same).order_by(StoredDataset.symbol)
    if text:
        query = query.where(StoredDataset.symbol.icontains(text, autoescape=True))
    return session.scalars(query.limit(limit)).all()


def spellings(session: Session, symbols: Collection[str]) -> Sequence[str]:
    """Every symbol that has prices and differs from one of these in case at most."""
    lower = [symbol.lower() for symbol in symbols]
    return session.scalars(
        select(StoredDataset.symbol).where(func.lower(StoredDataset.symbol).in_(lower), _LISTED).distinct()
    ).all()


def symbols(session: Session) -> Sequence[str]:
    """Every symbol that has prices, by name."""
    query = select(StoredDataset.symbol).where(_LISTED).distinct()
    return session.scalars(query.order_by(StoredDataset.symbol)).all()


def versions(session: Session, symbol: str) -> Sequence[StoredDataset]:
    """Every version of a symbol, the current one first."""
    query = select(StoredDataset).where(StoredDataset.symbol == symbol, _LISTED)
    return session.scalars(query.order_by(StoredDataset.current_since.desc())).all()


def get(session: Session, data_hash: str) -> StoredDataset:
    """The stored dataset of that hash, deleted or not, without its prices; `UnknownDataset` if there is none."""
    stored = session.get(StoredDataset, data_hash)
    if stored is None:
        raise UnknownDataset(f"there is no dataset {data_hash}")
    return stored


def listed(session: Session, data_hash: str) -> StoredDataset:
    """The same of a symbol that is not deleted, or `Conflict`."""
    stored = get(session, data_hash)
    if stored.deleted_at is not None:
        raise Conflict(f"{stored.symbol} ({data_hash[:12]}) is deleted; upload or import it again first")
    return stored


def delete(session: Session, symbol: str, *, now: datetime) -> int:
    """Take every version of a symbol out of lists and new runs, and say how many; runs that pinned one keep it."""
    listed = update(StoredDataset).where(StoredDataset.symbol == symbol, _LISTED)
    return changed_rows(session, listed.values(deleted_at=now))


def rename(session: Session, data_hash: str, dataset: Dataset, *, now: datetime) -> StoredDataset:
    """Store `dataset`, the same bars under another symbol, in place of the symbol of `data_hash`.

    Raises
    ------
    Conflict
        If the other symbol has prices already.
    """
    if versions(session, dataset.symbol):
        raise Conflict(f"{dataset.symbol} has prices already; delete it first, or choose another symbol")
    delete(session, listed(session, data_hash).symbol, now=now)
    return add(session, dataset, now=now)


def described(session: Session, data_hashes: Collection[str]) -> Sequence[StoredDataset]:
    """The stored datasets of these hashes; neither prices nor quality reports are read."""
    query = select(StoredDataset).where(StoredDataset.data_hash.in_(data_hashes))
    return session.scalars(query.options(defer(StoredDataset.certificate))).all()


def unknown_volume(session: Session, data_hash: str) -> tuple[int, int]:
    """Of how many bars of a dataset the volume is unknown, as its quality report says, and how many bars it has."""
    row = select(StoredDataset.certificate, StoredDataset.bars).where(StoredDataset.data_hash == data_hash)
    certificate, bars = session.execute(row).one()
    return (certificate or {}).get("unknown_volume", {}).get("count", 0), bars


def load(session: Session, data_hash: str) -> Dataset:
    """The dataset of that hash with its prices, compared with the hash.

    Raises
    ------
    UnknownDataset
        If there is none.
    DamagedDataset
        If the stored prices are others than the hash names, or cannot be decoded.
    """
    query = select(StoredDataset).where(StoredDataset.data_hash == data_hash)
    stored = session.scalars(query.options(undefer(StoredDataset.payload))).first()
    if stored is None:
        raise UnknownDataset(f"there is no dataset {data_hash}")
    try:
        dataset = Dataset.decode(stored.payload)
    except InvalidPayload as error:
        raise DamagedDataset(_damaged(stored, f"cannot be read ({error})")) from error
    if dataset.data_hash != data_hash or dataset.symbol != stored.symbol:
        actual = f"hold {dataset.symbol} with the content {dataset.data_hash}"
        raise DamagedDataset(_damaged(stored, actual))
    return dataset


def payload(session: Session, data_hash: str) -> bytes:
    """The encoded dataset of that hash, as it is stored; `UnknownDataset` if there is none."""
    found = session.scalar(select(StoredDataset.payload).where(StoredDataset.data_hash == data_hash))
    if found is None:
        raise UnknownDataset(f"there is no dataset {data_hash}")
    return bytes(found)


def _damaged(stored: StoredDataset, problem: str) -> str:
    name = f"the stored prices of {stored.symbol} ({stored.data_hash[:12]})"
    return f"{name} {problem}; restore the database from a backup, or import {stored.symbol} again"


def sync(session: Session, library: Library, *, now: datetime) -> list[str]:
    """Import what the library's folder holds and the database does not; return the new symbols."""
    known = set(session.scalars(select(StoredDataset.data_hash)))
    missing = {symbol: digest for symbol, digest in library.hashes().items() if digest not in known}
    for symbol in missing:
        add(session, library.get(symbol), now=now)
    return sorted(missing)


def _new(dataset: Dataset, now: datetime) -> StoredDataset:
    bar_times = dataset.bars.times
    return StoredDataset(
        data_hash=dataset.data_hash,
        symbol=dataset.symbol,
        timeframe=dataset.timeframe,
        source=dataset.source,
        first_bar=_timestamp(bar_times[0]),
        last_bar=_timestamp(bar_times[-1]),
        bars=len(dataset),
        payload=dataset.encode(),
        certificate=report_of(dataset),
        created_at=now,
        current_since=now,
    )


def _timestamp(time: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(time.astype("datetime64[s]").astype(np.int64)), UTC)
