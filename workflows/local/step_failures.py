"""Why a step of the local worker failed: from its exit code, its signal, or the limit that it passed."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

from backtest.plural import counted
from config.exit_codes import Exit
from config.settings import Settings
from workflows.failures import Failure
from workflows.local.fork_server import Ended


class Step(StrEnum):
    """The two steps of a run, in their order."""

    ENGINE = "engine"
    PERSIST = "persist"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLimits:
    """What one step may use."""

    timeout_seconds: float
    memory_mib: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings allow."""
        return cls(timeout_seconds=settings.step_timeout_seconds, memory_mib=settings.step_memory_mib)


Stopped = Literal["timeout", "unwanted"]
"""Why the worker itself ended a step: out of time, or the run was cancelled or is another worker's."""


def failure_of(step: Step, ended: Ended, limits: StepLimits, stopped: Stopped | None) -> Failure:
    """Why a step failed that left no failure of its own: from the way it ended."""
    if stopped == "timeout":
        return timed_out(step, limits)
    if ended.exit_code == Exit.OUT_OF_MEMORY:
        return out_of_memory(step, limits)
    if ended.signal is not None:
        return crashed(step, ended.signal)
    return Failure(
        "step_failed",
        f"The {step} step ended unexpectedly with exit code {ended.exit_code}. "
        "The worker's log has the details under this run id.",
    )


def timed_out(step: Step, limits: StepLimits) -> Failure:
    """The step took longer than a step may."""
    return Failure(
        "timeout",
        f"The {step} step was stopped after {limits.timeout_seconds:g} seconds, the time limit of a step. "
        "Shorten the range, use fewer symbols, or raise STEP_TIMEOUT_SECONDS.",
    )


def out_of_memory(step: Step, limits: StepLimits) -> Failure:
    """The step needed more memory than a step may."""
    return Failure(
        "out_of_memory",
        f"The {step} step ran out of memory: it may use {limits.memory_mib} MiB and needed more. "
        "Shorten the range, use fewer symbols, or raise STEP_MEMORY_MIB.",
    )


def crashed(step: Step, number: int) -> Failure:
    """The step was ended by a signal that the worker did not send."""
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        return Failure(
            "killed",
            f"The {step} step was killed from outside ({name}), most likely because the machine ran out of "
            "memory. Free memory or lower WORKER_SLOTS, then submit the run again.",
        )
    return Failure(
        "crashed",
        f"The {step} step crashed ({name}). The cause is in the rule or in a library that it uses, not in "
        "the request; other runs are not affected. The worker's log has the details under this run id.",
    )


def unavailable(step: Step, tries: int) -> Failure:
    """Something that the step needs stayed away for too long."""
    return Failure(
        "unavailable",
        f"The {step} step failed {counted(tries, 'time')} because a dependency was unavailable, most likely the "
        "database or the disk. The worker's log has the details; submit the run again when it is available.",
    )


def worker_died(attempts: int) -> Failure:
    """The run took its worker along too often."""
    return Failure(
        "worker_died",
        f"The worker died {counted(attempts, 'time')} while executing this run, so the run is not tried again. If other "
        "runs succeed, this one exceeds the resources of the machine: shorten the range or use fewer symbols.",
    )
