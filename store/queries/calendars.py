"""When symbols have bars, without their prices: read once for each content and kept within a bound of memory."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from typing import Final

from cachetools import LRUCache
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backtest.arrays import Times
from backtest.prices.dataset import LONGEST_HEADER, InvalidPayload, decode_times
from backtest.run.span import Calendar
from store.errors import UnknownDataset
from store.models import StoredDataset
from store.queries import datasets

MOST_BYTES: Final = 64 << 20
_UNEVEN: Final = 65_536
"""Bytes by which compressed times may be longer than plain ones: the block that they share with prices."""

_kept: LRUCache[str, Times] = LRUCache(MOST_BYTES, getsizeof=lambda times: int(times.nbytes))
_lock = threading.Lock()


def of(session: Session, current: Iterable[StoredDataset]) -> dict[str, Calendar]:
    """The calendar of each dataset by its symbol; those that are not kept yet are read in one query."""
    wanted = list(current)
    with _lock:
        times = {stored.data_hash: _kept[stored.data_hash] for stored in wanted if stored.data_hash in _kept}
    read = _read(session, {stored.data_hash for stored in wanted} - times.keys())
    with _lock:
        for data_hash, own in read.items():
            if own.nbytes <= MOST_BYTES:
                _kept[data_hash] = own
    times |= read
    return {
        stored.symbol: Calendar(stored.symbol, stored.timeframe, stored.data_hash, times[stored.data_hash])
        for stored in wanted
    }


def _read(session: Session, data_hashes: Collection[str]) -> dict[str, Times]:
    """Times stand first in a payload: its beginning is read, and inflated no further than they reach."""
    if not data_hashes:
        return {}
    beginning = func.substr(StoredDataset.payload, 1, StoredDataset.bars * 8 + LONGEST_HEADER + _UNEVEN)
    rows = session.execute(
        select(StoredDataset.data_hash, beginning).where(StoredDataset.data_hash.in_(data_hashes))
    ).all()
    missing = set(data_hashes) - {data_hash for data_hash, _ in rows}
    if missing:
        raise UnknownDataset(f"there is no dataset {min(missing)}")
    return {data_hash: _times(session, data_hash, bytes(start)) for data_hash, start in rows}


def _times(session: Session, data_hash: str, beginning: bytes) -> Times:
    try:
        return decode_times(beginning)
    except (
        InvalidPayload
    ):  # they reach further than expected, or the payload is damaged: the whole of it says
        return datasets.load(session, data_hash).bars.times
