"""Studies of the local worker: chunks in processes beside the runs, and never before them."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from backtest import precompile
from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from workflows.errors import ForkServerDied
from workflows.failures import Failure
from workflows.local.fork_server import Ended, ForkServer
from workflows.local.step_failures import StepLimits
from workflows.local.studies import study_failures
from workflows.local.studies.queue import Claimed, StudyQueue

PRELOADED = (
    "workflows.studies.chunk_step",
    "workflows.studies.finish_step",
    "workflows.local.studies.warm_up",
)
MAX_ATTEMPTS = 5
"""How often a study is claimed, and its fork server may die, while no chunk is done, before it is believed to kill them."""
MAX_TRIES = 3
"""How often a chunk is tried: its process may be killed by no fault of its own."""
MAX_WAITS = 8
"""How often a step is tried while the database is unavailable, with growing pauses."""
_FINISH = -1
_RENEW_SECONDS = 0.25
_REAP_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
log = logs.get(__name__)


@dataclass(slots=True)
class Step:
    """A process: a chunk by its number, or the last step."""

    number: int
    deadline: float = 0.0
    tries: int = 0
    waits: int = 0
    not_before: float = 0.0
    is_late: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return "last step" if self.number == _FINISH else f"chunk {self.number}"


@dataclass(slots=True)
class Held:
    """The study that this worker holds."""

    study_id: str
    waiting: deque[Step]
    running: dict[str, Step] = field(default_factory=dict)
    is_dropped: bool = False
    """It was cancelled, has ended, or is another worker's: its processes are being stopped."""


class StudyWorker:
    """Executes one study at a time; its processes are its own, so that a run finds its place free."""

    def __init__(self, settings: Settings, queue: StudyQueue) -> None:
        self._limits = StepLimits.of(settings)
        self._slots, self._queue = settings.worker_slots, queue
        self._server: ForkServer | None = None
        self._held: Held | None = None
        self._renew_at = self._reap_at = 0.0
        self._deaths = 0
        self._is_ahead = True
        """Whether the fork server may be begun without a study: once."""

    @property
    def is_busy(self) -> bool:
        """Whether a study is executed."""
        return self._held is not None

    @property
    def sockets(self) -> list[ForkServer]:
        """What to wait on for the end of a process."""
        return [self._server] if self._server else []

    def turn(self, *, runs: int) -> None:
        """Do what is due; `runs` that are executed leave that many places fewer for chunks."""
        try:
            self._reap()
            if self._held is None:
                self._claim()
            if self._held is not None:
                self._advance(self._held, self._slots - runs)
            elif self._server is not None:
                self._hear(self._server)
        except ForkServerDied as died:
            self._replace_server(died)

    def begin_ahead(self) -> None:
        """Begin the fork server before there is a study, which then need not wait 0.9 s for imports and compiled code.

        Not while these are being compiled in the background: it would compile the same a second time.
        """
        if self._is_ahead and self._server is None and precompile.is_done():
            self._server, self._is_ahead = ForkServer(PRELOADED), False

    def _hear(self, server: ForkServer) -> None:
        """Read what the fork server says while there is no study: an unread message would end every wait of the worker.

        One that died is begun again with the next study, so that its failures cost a study and no run.
        """
        try:
            server.ended()
        except ForkServerDied as died:
            log.warning("idle fork server of studies died", error=str(died))
            server.close()
            self._server = None

    def close(self) -> None:
        """End every process and give the study back."""
        if self._server is not None:
            self._server.close()
        if self._held is not None:
            self._queue.release(self._held.study_id)
        self._server = self._held = None

    def _reap(self) -> None:
        """At intervals, take over what dead workers hold."""
        if time.monotonic() >= self._reap_at:
            self._reap_at = time.monotonic() + _REAP_SECONDS
            self._queue.reap_dead_owners()
            if self._held is None:
                self._hold(self._queue.claim())

    def _claim(self) -> None:
        if self._queue.has_pending():
            self._hold(self._queue.claim())

    def _hold(self, claimed: Claimed | None) -> None:
        if claimed is None:
            return
        log.info(
            "study claimed", run_id=claimed.study_id, attempt=claimed.attempts, chunks=len(claimed.missing)
        )
        if claimed.attempts > MAX_ATTEMPTS:
            self._queue.fail(claimed.study_id, study_failures.worker_died(MAX_ATTEMPTS - 1))
            return
        self._held = Held(claimed.study_id, deque(Step(number) for number in claimed.missing))
        if self._server is None:
            self._server = ForkServer(PRELOADED)

    def _advance(self, held: Held, room: int) -> None:
        assert self._server is not None
        for ended in self._server.ended():
            self._on_ended(held, ended)
        self._renew(held)
        self._stop_late(held)
        if held.is_dropped:
            if not held.running:
                self._held = None
        elif self._server.is_ready and self._held is held:
            self._start(held, room)

    def _start(self, held: Held, room: int) -> None:
        """Start what waits while there is room; the last step behind the last chunk."""
        if not held.waiting and not held.running:
            held.waiting.append(Step(_FINISH))
        while held.waiting and len(held.running) < room and held.waiting[0].not_before <= time.monotonic():
            self._start_one(held, held.waiting.popleft())

    def _start_one(self, held: Held, step: Step) -> None:
        assert self._server is not None
        step.tries += 1
        step.deadline, step.is_late = time.monotonic() + self._limits.timeout_seconds, False
        key = f"{held.study_id}/{step.number}"
        arguments = ["--run-id", held.study_id]
        if step.number == _FINISH:
            module = "workflows.studies.finish_step"
        else:
            module, arguments = "workflows.studies.chunk_step", [*arguments, "--number", str(step.number)]
        held.running[key] = step
        self._server.start(key, module, arguments, memory_mib=self._limits.memory_mib)

    def _on_ended(self, held: Held, ended: Ended) -> None:
        step = held.running.pop(ended.key, None)
        if step is None:
            return
        self._deaths = 0
        if held.is_dropped:
            return
        if ended.exit_code in (Exit.OK, Exit.BAD_INPUT):
            self._settle(step)
        elif ended.exit_code == Exit.TRY_AGAIN and step.waits < MAX_WAITS:
            step.waits, step.tries = step.waits + 1, step.tries - 1
            step.not_before = time.monotonic() + min(2.0 ** (step.waits - 1), _LONGEST_PAUSE_SECONDS)
            held.waiting.append(step)
        elif ended.signal is not None and not step.is_late and step.tries < MAX_TRIES:
            held.waiting.append(step)
        else:
            failure = study_failures.of_step(step.name, ended, self._limits, is_late=step.is_late)
            self._on_failed(held, step, failure)

    def _on_failed(self, held: Held, step: Step, failure: Failure) -> None:
        """Note the failure: of a chunk it is a missing one, of the last step it is the end of the study."""
        log.warning("step of a study failed", run_id=held.study_id, step=step.name, error_code=failure.code)
        if step.number == _FINISH:
            self._queue.fail(held.study_id, failure)
        else:
            self._queue.fail_chunk(held.study_id, step.number, failure)
        self._settle(step)

    def _settle(self, step: Step) -> None:
        if step.number == _FINISH:
            self._held = None

    def _renew(self, held: Held) -> None:
        if time.monotonic() < self._renew_at or held.is_dropped:
            return
        self._renew_at = time.monotonic() + _RENEW_SECONDS
        if not self._queue.renew(held.study_id) and self._held is held:
            log.info("study no longer wanted, its steps are stopped", run_id=held.study_id)
            held.is_dropped = True
            for key in held.running:
                self._kill(key)

    def _stop_late(self, held: Held) -> None:
        for key, step in held.running.items():
            if time.monotonic() > step.deadline and not step.is_late:
                step.is_late = True
                self._kill(key)

    def _kill(self, key: str) -> None:
        assert self._server is not None
        self._server.kill(key)

    def _replace_server(self, died: ForkServerDied) -> None:
        """Every process died with the server: start a new one, and them again."""
        log.error("fork server of studies died, chunks restarted", error=str(died))
        self._deaths += 1
        if self._server is not None:
            self._server.close()
        self._server = None
        if self._deaths > MAX_ATTEMPTS:
            raise died
        self._server = ForkServer(PRELOADED)
        if self._held is not None:
            self._held.waiting.extendleft(self._held.running.values())
            self._held.running.clear()
