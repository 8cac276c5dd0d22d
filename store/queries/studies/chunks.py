"""The chunks of studies: stored once, counted, read. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from sqlalchemy import case, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from backtest.arrays import Floats
from backtest.studies.chunk import Chunk
from backtest.studies.objective import FIGURES
from store import packing
from store.models import Study, StudyChunk
from store.queries.statements import changed_rows

_AFTER_PROGRESS: Final = 2
"""Attempts that a study has after a chunk where it had more: deaths of workers count between two chunks alone.

1 is kept by a study whose worker never died.
"""
SHOWN: Final = (*FIGURES, "ruined")
"""What pages show of each row, in the order in which it is stored."""


class ChunkStatus(StrEnum):
    """What became of a chunk; one without a row waits or is executed."""

    DONE = "DONE"
    FAILED = "FAILED"


def store(session: Session, study_id: str, chunk: Chunk) -> bool:
    """Store a chunk that is done; false where it was stored before."""
    table = np.array([chunk.columns[name][:, 0] for name in SHOWN], "<f8")
    found = StudyChunk(
        study_id=study_id,
        number=chunk.number,
        status=ChunkStatus.DONE,
        payload=packing.pack(chunk.encode()),
        figures=packing.pack(table.tobytes()),
    )
    return _add(session, found)


def fail(session: Session, study_id: str, number: int, *, code: str, message: str) -> bool:
    """Note why a chunk is missing; false where it is stored."""
    failed = StudyChunk(
        study_id=study_id, number=number, status=ChunkStatus.FAILED, error_code=code, error_message=message
    )
    return _add(session, failed)


def _add(session: Session, chunk: StudyChunk) -> bool:
    """Add the row, unless there is one that is done; the study counts it in the same transaction."""
    _lock(session, chunk.study_id)
    forget = delete(StudyChunk).where(
        StudyChunk.study_id == chunk.study_id,
        StudyChunk.number == chunk.number,
        StudyChunk.status == ChunkStatus.FAILED,
    )
    changed_rows(session, forget)
    try:
        with session.begin_nested():
            session.add(chunk)
            session.flush()
    except IntegrityError:
        return False
    _count(session, chunk.study_id)
    return True


def forget_failures(session: Session, study_id: str) -> None:
    """Have the chunks that failed executed again."""
    failed = (StudyChunk.study_id == study_id, StudyChunk.status == ChunkStatus.FAILED)
    changed_rows(session, delete(StudyChunk).where(*failed))
    _count(session, study_id)


def _lock(session: Session, study_id: str) -> None:
    """Two chunks of a study that end together are counted one after the other."""
    session.execute(select(Study.study_id).where(Study.study_id == study_id).with_for_update())


def _count(session: Session, study_id: str) -> None:
    """Count the chunks of a study, and attempts anew; progress, which pods have moved before, never falls."""
    rows = select(StudyChunk.status, func.count()).where(StudyChunk.study_id == study_id)
    counts = dict(session.execute(rows.group_by(StudyChunk.status)).all())
    done = counts.get(ChunkStatus.DONE, 0)
    share = done * 1.0 / Study.chunks
    session.execute(
        update(Study)
        .where(Study.study_id == study_id)
        .values(
            done_chunks=done,
            missing_chunks=counts.get(ChunkStatus.FAILED, 0),
            progress=case((Study.progress < share, share), else_=Study.progress),
            attempts=case((Study.attempts > _AFTER_PROGRESS, _AFTER_PROGRESS), else_=Study.attempts),
        )
    )


def settled(session: Session, study_id: str) -> set[int]:
    """The numbers of the chunks that are done or failed."""
    return set(session.scalars(select(StudyChunk.number).where(StudyChunk.study_id == study_id)))


def failures(session: Session, study_id: str, *, limit: int = 20) -> Sequence[StudyChunk]:
    """The chunks that failed, by number, without their columns."""
    failed = (StudyChunk.study_id == study_id, StudyChunk.status == ChunkStatus.FAILED)
    return session.scalars(select(StudyChunk).where(*failed).order_by(StudyChunk.number).limit(limit)).all()


def payloads(session: Session, study_id: str) -> list[Chunk]:
    """Every chunk that is done, by number."""
    return list(each(session, study_id))


def each(session: Session, study_id: str) -> Iterator[Chunk]:
    """Every chunk that is done, by number, each read when it is asked for: all of them may be a gigabyte."""
    for _, stored in _one_by_one(session, StudyChunk.payload, study_id):
        yield Chunk.decode(packing.unpack(stored))


def figures(session: Session, study_id: str) -> Iterator[tuple[int, Floats]]:
    """Of every chunk that is done its number and the (7, R) table of `SHOWN`."""
    for number, stored in _one_by_one(session, StudyChunk.figures, study_id):
        yield number, np.frombuffer(packing.unpack(stored), "<f8").reshape(len(SHOWN), -1)


def _one_by_one(
    session: Session, column: InstrumentedAttribute[bytes | None], study_id: str
) -> Iterator[tuple[int, bytes]]:
    """Number and column of every chunk that is done, a statement each."""
    own = StudyChunk.study_id == study_id
    done = select(StudyChunk.number).where(own, StudyChunk.status == ChunkStatus.DONE)
    for number in session.scalars(done.order_by(StudyChunk.number)).all():
        stored = session.scalar(select(column).where(own, StudyChunk.number == number))
        if stored is not None:  # deleted meanwhile
            yield number, stored
