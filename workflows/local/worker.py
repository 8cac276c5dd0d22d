"""The local worker: claims runs and executes their two steps in processes of their own."""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field

from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from store.errors import SchemaBehind
from workflows import failpoints
from workflows.errors import BundleError, ForkServerDied
from workflows.failures import Failure
from workflows.local import step_failures
from workflows.local.fork_server import Ended, ForkServer
from workflows.local.queue import Availability, Queue
from workflows.local.robustness.robustness_worker import RobustnessWorker
from workflows.local.scratch import Scratch
from workflows.local.step_failures import Step, StepLimits, Stopped
from workflows.local.studies.study_worker import StudyWorker
from workflows.steps import bundle

PRELOADED = ("workflows.steps.engine", "workflows.steps.persist", "workflows.local.warm_up")
MAX_ATTEMPTS = 5
MAX_TRIES = 8
"""How often a step is tried while the database or the disk is unavailable, with growing pauses: four minutes."""

_BUSY_POLL_SECONDS, _IDLE_POLL_SECONDS = 0.008, 0.05
_BUSY_FOR_SECONDS = 10.0
_RENEW_SECONDS = 0.25
_REAP_SECONDS = 1.0
_SCHEMA_SECONDS = 0.5
_PRUNE_SECONDS = 3_600.0
_STOP_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 60.0
_IDLE_SECONDS = 2.0
"""So long no run was executed before the fork server of studies is begun, ahead of the first one."""

log = logs.get(__name__)


@dataclass(slots=True)
class Job:
    """A run that this worker holds, and where it stands."""

    run_id: str
    step: Step = Step.ENGINE
    tries: int = 0
    deadline: float | None = None
    """When the running step is stopped; None while none runs."""
    not_before: float = 0.0
    stopped: Stopped | None = None
    failure: Failure | None = None
    """Why it failed; written as soon as the database is available."""
    began_at: float = field(default_factory=time.monotonic)


class Worker:
    """Executes up to `slots` runs, each in one process at a time; nothing a run does can end the worker."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        scratch: Scratch,
        *,
        studies: StudyWorker,
        robustness: RobustnessWorker,
    ) -> None:
        self._limits = StepLimits.of(settings)
        self._slots, self._queue, self._scratch = settings.worker_slots, queue, scratch
        self._audit_days, self._prune_at = settings.audit_days, 0.0
        self._studies, self._robustness = studies, robustness
        self._database = Availability()
        self._server = ForkServer(PRELOADED)
        self._jobs: dict[str, Job] = {}
        self._renew_at = self._reap_at = self._claimed_at = self._idle_since = 0.0
        self._deaths = 0
        """How many fork servers died since a step last ended."""
        self._stop_by: float | None = None

    def run(self) -> None:
        """Work until `stop` was called and every run has ended or was released."""
        self._wait_for_schema()
        while self._stop_by is None or (self._jobs and time.monotonic() < self._stop_by):
            sockets = [self._server, *self._studies.sockets, *self._robustness.sockets]
            select.select(sockets, [], [], self._pause())
            try:
                self._turn()
            except ForkServerDied as died:
                self._replace_server(died)
        self._close()

    def _pause(self) -> float:
        busy = self._jobs or self._studies.is_busy or time.monotonic() - self._claimed_at < _BUSY_FOR_SECONDS
        return _BUSY_POLL_SECONDS if busy else _IDLE_POLL_SECONDS

    def stop(self, *, within_seconds: float = _STOP_SECONDS) -> None:
        """Claim nothing new, finish what runs; the second call releases it at once."""
        now = time.monotonic()
        self._stop_by = now + within_seconds if self._stop_by is None else now

    def _wait_for_schema(self) -> None:
        """Begin only on the tables that this release knows; log once what is missing."""
        is_logged = False
        while self._stop_by is None:
            with self._database.watched(self._queue):
                try:
                    self._queue.require_schema()
                    return
                except SchemaBehind as behind:
                    if not is_logged:
                        log.warning("waiting for the schema", error=str(behind))
                    is_logged = True
            time.sleep(_SCHEMA_SECONDS)

    def _turn(self) -> None:
        for ended in self._server.ended():
            self._on_step_ended(ended)
        for job in self._jobs.values():
            self._advance(job)
        if self._database.is_due:
            with self._database.watched(self._queue):
                self._write_failures()
                self._renew_and_reap()
                self._claim_pending()
                self._prune_audit()
                if self._stop_by is None:
                    self._studies.turn(runs=len(self._jobs))
                    self._robustness.turn(runs=len(self._jobs))
                    self._begin_ahead()

    def _begin_ahead(self) -> None:
        """Where nothing is to be done for a while, have the first study find its fork server."""
        now = time.monotonic()
        if self._jobs or not self._server.is_ready:
            self._idle_since = now
        elif now - self._idle_since >= _IDLE_SECONDS:
            self._idle_since = now
            self._studies.begin_ahead()

    def _on_step_ended(self, ended: Ended) -> None:
        job = self._jobs.get(ended.key)
        if job is None:
            return
        failpoints.hit(f"{job.step}-heard")
        job.deadline, self._deaths = None, 0
        if job.stopped == "unwanted":
            self._drop(job)
        elif ended.exit_code == Exit.OK and job.step is Step.ENGINE:
            job.step, job.tries, job.stopped = Step.PERSIST, 0, None
            self._advance(job)
        elif ended.exit_code == Exit.OK or (ended.exit_code == Exit.BAD_INPUT and job.step is Step.PERSIST):
            log.debug("run done", run_id=job.run_id, seconds=round(time.monotonic() - job.began_at, 3))
            self._drop(job)
        elif ended.exit_code == Exit.TRY_AGAIN and job.tries < MAX_TRIES:
            job.not_before = time.monotonic() + min(2.0 ** (job.tries - 1), _LONGEST_PAUSE_SECONDS)
        else:
            job.failure = self._failure_of(job, ended)

    def _failure_of(self, job: Job, ended: Ended) -> Failure:
        """The failure that the step left in its bundle, else the one that the way it ended tells."""
        if job.step is Step.ENGINE and ended.exit_code is not None and job.stopped is None:
            try:
                files = bundle.read(self._scratch.of(job.run_id), job.run_id)
                return Failure.from_json(bundle.read_json(files, bundle.ERROR))
            except (BundleError, OSError, ValueError, RecursionError) as error:
                log.debug("step left no failure", run_id=job.run_id, error=str(error))
        if ended.exit_code == Exit.TRY_AGAIN:
            return step_failures.unavailable(job.step, job.tries)
        return step_failures.failure_of(job.step, ended, self._limits, job.stopped)

    def _advance(self, job: Job) -> None:
        """Start the step that is due, or stop the one that is overdue."""
        now = time.monotonic()
        if job.failure or job.stopped:
            return
        if job.deadline is None:
            if now >= job.not_before and self._server.is_ready:
                self._start(job)
        elif now > job.deadline:
            log.warning("step timed out", run_id=job.run_id, step=str(job.step))
            self._kill(job, "timeout")

    def _start(self, job: Job) -> None:
        job.tries += 1
        job.deadline = time.monotonic() + self._limits.timeout_seconds
        arguments = ["--run-id", job.run_id, "--bundle", str(self._scratch.of(job.run_id))]
        module = f"workflows.steps.{job.step}"
        self._server.start(job.run_id, module, arguments, memory_mib=self._limits.memory_mib)
        failpoints.hit(f"{job.step}-asked")

    def _kill(self, job: Job, reason: Stopped) -> None:
        job.stopped = reason
        self._server.kill(job.run_id)

    def _write_failures(self) -> None:
        for job in [job for job in self._jobs.values() if job.failure]:
            assert job.failure is not None
            if self._queue.fail(job.run_id, job.failure):
                log.warning(
                    "run FAILED", run_id=job.run_id,
                    error_code=job.failure.code, error_message=job.failure.message,
                )  # fmt: skip
            self._drop(job)

    def _renew_and_reap(self) -> None:
        """At intervals: renew the leases, stop runs that were cancelled, release the runs of dead workers."""
        now = time.monotonic()
        if self._jobs and now >= self._renew_at:
            self._renew_at = now + _RENEW_SECONDS
            own = self._queue.renew(list(self._jobs))
            for job in [job for job in self._jobs.values() if job.run_id not in own]:
                self._abandon(job)
        if now >= self._reap_at:
            self._reap_at = now + _REAP_SECONDS
            self._queue.reap_dead_owners()
            while self._claim_one():
                pass

    def _prune_audit(self) -> None:
        """Once an hour, between runs."""
        if not self._jobs and time.monotonic() >= self._prune_at:
            self._queue.prune_audit(days=self._audit_days)
            self._prune_at = time.monotonic() + _PRUNE_SECONDS

    def _abandon(self, job: Job) -> None:
        """The run was cancelled, has ended, or is another worker's by now."""
        if job.deadline is None:
            self._drop(job)
        elif job.stopped is None and job.step is Step.ENGINE:  # a persist step ends soon, and looks itself
            log.info("run no longer wanted, step stopped", run_id=job.run_id)
            self._kill(job, "unwanted")

    def _claim_pending(self) -> None:
        while self._has_room() and self._queue.has_pending():
            if not self._claim_one():
                return

    def _claim_one(self) -> bool:
        if not self._has_room() or (claimed := self._queue.claim()) is None:
            return False
        run_id, attempt = claimed
        self._claimed_at = time.monotonic()
        job = self._jobs[run_id] = Job(run_id)
        log.info("run claimed", run_id=run_id, attempt=attempt)
        if attempt > MAX_ATTEMPTS:
            job.failure = step_failures.worker_died(attempt - 1)
        self._advance(job)
        return True

    def _has_room(self) -> bool:
        return self._stop_by is None and self._server.is_ready and len(self._jobs) < self._slots

    def _drop(self, job: Job) -> None:
        self._jobs.pop(job.run_id, None)
        self._scratch.drop(job.run_id)

    def _replace_server(self, died: ForkServerDied) -> None:
        """Every step died with the server: restart them with a new one."""
        log.error("fork server died, steps restarted", error=str(died))
        self._server.close()
        self._deaths += 1
        if self._deaths > MAX_ATTEMPTS:
            raise died
        self._server = ForkServer(PRELOADED)
        for job in self._jobs.values():
            if job.stopped == "timeout":
                job.failure = step_failures.timed_out(job.step, self._limits)
            elif job.tries >= MAX_ATTEMPTS and job.deadline is not None:
                job.failure = step_failures.worker_died(job.tries)
            job.deadline, job.stopped = None, None

    def _close(self) -> None:
        self._server.close()
        held = list(self._jobs)
        with self._database.watched(self._queue):
            self._queue.release(held)
            self._studies.close()
            self._robustness.close()
        log.info("worker stopped", runs_released=len(held))
