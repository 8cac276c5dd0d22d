"""Why a process of a study failed: from its exit code, its signal, or the limit that it passed."""

from __future__ import annotations

import signal

from backtest.plural import counted
from config.exit_codes import Exit
from workflows.failures import Failure
from workflows.local.fork_server import Ended
from workflows.local.step_failures import StepLimits


def of_step(name: str, ended: Ended, limits: StepLimits, *, is_late: bool) -> Failure:
    """Why a chunk or the last step left no result."""
    if is_late:
        text = f"The {name} was stopped after {limits.timeout_seconds:g} seconds: raise STEP_TIMEOUT_SECONDS."
        return Failure("timeout", text)
    if ended.exit_code == Exit.OUT_OF_MEMORY:
        text = f"The {name} may use {limits.memory_mib} MiB of memory and needed more: raise STEP_MEMORY_MIB."
        return Failure("out_of_memory", text)
    if ended.exit_code == Exit.TRY_AGAIN:
        text = f"The {name} failed repeatedly because a dependency was unavailable, most likely the database."
        return Failure("unavailable", text)
    if ended.signal is not None:
        text = f"The {name} crashed ({signal.Signals(ended.signal).name}) each time that it was tried."
        return Failure("crashed", text)
    text = (
        f"The {name} ended unexpectedly with exit code {ended.exit_code}. The worker's log has the details."
    )
    return Failure("step_failed", text)


def worker_died(deaths: int) -> Failure:
    """The study took its worker along so many times, and no chunk was done in between."""
    return Failure(
        "worker_died",
        f"The worker died at least {counted(deaths, 'time')} while executing this study, and no chunk was done in "
        "between, so the study is not tried again. Shorten the range or make the space smaller; finish the study to "
        "try what is missing again.",
    )
