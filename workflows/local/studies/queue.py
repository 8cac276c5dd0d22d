"""The studies that wait and the one that a worker holds, as rows of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from config import logs
from store.models import Study
from store.queries import leases
from store.queries.leases import PendingProbe
from store.queries.studies import chunks, studies
from store.session import Database
from workflows.failures import Failure
from workflows.local import lease

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A study that this worker holds, and the chunks that it has to execute."""

    study_id: str
    attempts: int
    missing: tuple[int, ...]


class StudyQueue:
    """Claims studies, renews their leases, releases them and notes failures, under the name of this process."""

    def __init__(self, database: Database, *, lease_seconds: int) -> None:
        self._database, self._lease_seconds = database, lease_seconds
        self._owner = lease.owner()
        self._probe = PendingProbe(database.engine, Study)

    def has_pending(self) -> bool:
        """Whether some study may be free to claim; cheap enough to be asked many times a second."""
        try:
            return self._probe.has_pending()
        except SQLAlchemyError:
            self._probe.disconnect()
            raise

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

    def renew(self, study_id: str) -> bool:
        """Prolong the lease; false where the study has ended or is another worker's."""
        with self._database.write() as session:
            return bool(
                leases.renew(
                    session, self._owner, [study_id], lease_seconds=self._lease_seconds,
                    now=datetime.now(UTC), table=Study,
                )
            )  # fmt: skip

    def fail_chunk(self, study_id: str, number: int, failure: Failure) -> None:
        """Note why a chunk is missing."""
        with self._database.write() as session:
            chunks.fail(session, study_id, number, code=failure.code, message=failure.message)

    def fail(self, study_id: str, failure: Failure) -> None:
        """→ FAILED, unless the study has ended."""
        with self._database.write() as session:
            studies.fail(session, study_id, code=failure.code, message=failure.message, now=datetime.now(UTC))

    def release(self, study_id: str) -> None:
        """Give the study back for the next worker."""
        with self._database.write() as session:
            leases.release(session, self._owner, study_id, table=Study)

    def reap_dead_owners(self) -> None:
        """Release what dead workers of this host hold, without waiting for their leases to expire."""
        with self._database.read() as session:
            dead = [owner for owner in leases.owners(session, Study) if lease.is_dead(owner)]
        for owner in dead:
            with self._database.write() as session:
                count = leases.release_all(session, owner, table=Study)
            log.warning("studies of a dead worker released", owner=owner, studies=count)
