"""The studies that wait and the one that a worker holds, as rows of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from store.models import Study
from store.queries import leases
from store.queries.studies import chunks, studies
from workflows.failures import Failure
from workflows.local.background_queue import BackgroundQueue


@dataclass(frozen=True, slots=True)
class Claimed:
    """A study that this worker holds, and the chunks that it has to execute."""

    study_id: str
    attempts: int
    missing: tuple[int, ...]


class StudyQueue(BackgroundQueue):
    """Claims studies and notes failures of them and of their chunks."""

    _table = Study

    def claim(self) -> Claimed | None:
        """Claim one study, which is RUNNING then."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            study = leases.claim_study(session, self._owner, lease_seconds=self._lease_seconds, now=now)
            if study is None:
                return None
            studies.start(session, study.study_id, now=now)
            settled = chunks.settled(session, study.study_id)
            missing = tuple(number for number in range(study.chunks) if number not in settled)
            return Claimed(study.study_id, study.attempts, missing)

    def fail_chunk(self, study_id: str, number: int, failure: Failure) -> None:
        """Note why a chunk is missing."""
        with self._database.write() as session:
            chunks.fail(session, study_id, number, code=failure.code, message=failure.message)

    def fail(self, study_id: str, failure: Failure) -> None:
        """→ FAILED, unless the study has ended."""
        with self._database.write() as session:
            studies.fail(session, study_id, code=failure.code, message=failure.message, now=datetime.now(UTC))
