"""What of results survives, computed by the local worker where no run needs it: one at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from config import logs
from config.exit_codes import Exit
from config.settings import Settings
from workflows.errors import ForkServerDied
from workflows.failures import Failure
from workflows.local.fork_server import Ended, ForkServer
from workflows.local.robustness.queue import Claimed, RobustnessQueue
from workflows.local.step_failures import StepLimits
from workflows.local.studies import study_failures

PRELOADED = ("workflows.robustness.robustness_step", "workflows.local.robustness.warm_up")
MAX_ATTEMPTS = 5
"""How often it is claimed before it is believed to kill its workers, and how often the fork server may die."""
MAX_TRIES = 3
MAX_WAITS = 8
"""How often it is tried while the database is unavailable, with growing pauses."""
_QUIET_SECONDS = 0.5
"""So long no run was executed before one is begun: runs that follow each other closely are not disturbed."""
_IDLE_SECONDS = 60.0
"""After so long without work its fork server ends, which holds some 200 MB."""
_RENEW_SECONDS = 0.25
_REAP_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_NAME = "computation"
log = logs.get(__name__)


@dataclass(slots=True)
class Held:
    """The run that this worker holds; `deadline` is None while no process computes it."""

    run_id: str
    tries: int = 0
    waits: int = 0
    not_before: float = 0.0
    deadline: float | None = None
    is_late: bool = False
    is_dropped: bool = False


class RobustnessWorker:
    """Computes one at a time, in a process of its own; a run finds its place free whatever is computed here."""

    def __init__(self, settings: Settings, queue: RobustnessQueue) -> None:
        self._limits = StepLimits.of(settings)
        self._queue = queue
        self._server: ForkServer | None = None
        self._held: Held | None = None
        self._renew_at = self._reap_at = self._run_at = self._worked_at = 0.0
        self._deaths = 0

    @property
    def sockets(self) -> list[ForkServer]:
        """What to wait on for the end of a process."""
        return [self._server] if self._server else []

    def turn(self, *, runs: int) -> None:
        """Do what is due; nothing is begun while `runs` are executed."""
        now = time.monotonic()
        self._run_at = now if runs else self._run_at
        try:
            if self._held is None and now - self._run_at >= _QUIET_SECONDS:
                self._claim()
            if self._held is not None:
                self._advance(self._held)
            elif self._server is not None:
                self._idle(self._server, now - self._worked_at)
        except ForkServerDied as died:
            self._replace_server(died)

    def _idle(self, server: ForkServer, seconds: float) -> None:
        """End the fork server after some time without work, or where it died: that would end every wait of the worker."""
        try:
            server.ended()
        except ForkServerDied as died:
            log.warning("idle fork server of robustness died", error=str(died))
            self._close_server()
        else:
            if seconds > _IDLE_SECONDS:
                self._close_server()

    def close(self) -> None:
        """End the process and give the run back."""
        self._close_server()
        if self._held is not None:
            self._queue.release(self._held.run_id)
        self._held = None

    def _claim(self) -> None:
        """Take what waits; at intervals also what dead workers hold."""
        is_due = time.monotonic() >= self._reap_at
        if is_due:
            self._reap_at = time.monotonic() + _REAP_SECONDS
            self._queue.reap_dead_owners()
        if is_due or self._queue.has_pending():
            self._hold(self._queue.claim())

    def _hold(self, claimed: Claimed | None) -> None:
        if claimed is None:
            return
        log.info("robustness claimed", run_id=claimed.run_id, attempt=claimed.attempts)
        if claimed.attempts > MAX_ATTEMPTS:
            text = f"The worker died {claimed.attempts - 1} times while computing this; it is not tried again by itself."
            self._queue.fail(claimed.run_id, Failure("worker_died", text))
            return
        self._held = Held(claimed.run_id)
        if self._server is None:
            self._server = ForkServer(PRELOADED)

    def _advance(self, held: Held) -> None:
        assert self._server is not None
        self._worked_at = time.monotonic()
        for ended in self._server.ended():
            self._on_ended(held, ended)
        if self._held is not held:
            return
        self._renew(held)
        if held.deadline is None:
            self._start(held)
        elif time.monotonic() > held.deadline and not held.is_late:
            held.is_late = True
            self._server.kill(held.run_id)

    def _start(self, held: Held) -> None:
        assert self._server is not None
        if held.is_dropped:
            self._held = None
        elif self._server.is_ready and time.monotonic() >= held.not_before:
            held.tries += 1
            held.deadline, held.is_late = time.monotonic() + self._limits.timeout_seconds, False
            arguments = ["--run-id", held.run_id]
            self._server.start(held.run_id, PRELOADED[0], arguments, memory_mib=self._limits.memory_mib)

    def _on_ended(self, held: Held, ended: Ended) -> None:
        if ended.key != held.run_id:
            return
        held.deadline, self._deaths = None, 0
        if held.is_dropped or ended.exit_code in (Exit.OK, Exit.BAD_INPUT):
            self._held = None
        elif ended.exit_code == Exit.TRY_AGAIN and held.waits < MAX_WAITS:
            held.waits, held.tries = held.waits + 1, held.tries - 1
            held.not_before = time.monotonic() + min(2.0 ** (held.waits - 1), _LONGEST_PAUSE_SECONDS)
        elif ended.signal is None or held.is_late or held.tries >= MAX_TRIES:
            failure = study_failures.of_step(_NAME, ended, self._limits, is_late=held.is_late)
            log.warning("robustness failed", run_id=held.run_id, error_code=failure.code)
            self._queue.fail(held.run_id, failure)
            self._held = None

    def _renew(self, held: Held) -> None:
        if time.monotonic() < self._renew_at or held.is_dropped:
            return
        self._renew_at = time.monotonic() + _RENEW_SECONDS
        if not self._queue.renew(held.run_id):
            held.is_dropped = True
            if held.deadline is not None and self._server is not None:
                self._server.kill(held.run_id)

    def _replace_server(self, died: ForkServerDied) -> None:
        """The process died with the server: start a new one, and the process again."""
        log.error("fork server of robustness died, restarted", error=str(died))
        self._deaths += 1
        self._close_server()
        if self._deaths > MAX_ATTEMPTS:
            raise died
        self._server = ForkServer(PRELOADED)
        if self._held is not None:
            self._held.deadline = None

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None
