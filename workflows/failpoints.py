"""Failpoints: named places before and after each commit and call, where the fault suite kills the process.

In production a failpoint costs one comparison. It acts only where FAULT_POINTS names a folder that holds
a file of its name, and all it can do is to kill its own process.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Literal

Process = Literal["web", "worker", "forkserver", "engine", "persist", "chunk", "robustness"]


@dataclass(frozen=True, slots=True)
class Point:
    """A moment in the life of a run, and the process that is in it."""

    name: str
    process: Process
    moment: str


POINTS = (
    Point("submit-pinned", "web", "the request is valid, nothing is written"),
    Point("submit-written", "web", "the row is written, not committed"),
    Point("submit-committed", "web", "the row is committed, nothing is launched"),
    Point("submit-launched", "web", "the run is launched, the client has no answer"),
    Point("cancel-written", "web", "the cancellation is written, not committed"),
    Point("cancel-committed", "web", "the cancellation is committed, the client has no answer"),
    Point("claim-written", "worker", "the lease is written, not committed"),
    Point("claim-committed", "worker", "the lease is committed, no step is started"),
    Point("engine-asked", "worker", "the engine step is asked for"),
    Point("engine-heard", "worker", "the end of the engine step is reported, nothing follows yet"),
    Point("persist-asked", "worker", "the persist step is asked for"),
    Point("persist-heard", "worker", "the end of the persist step is reported, its bundle is still there"),
    Point("renew-written", "worker", "the longer lease is written, not committed"),
    Point("renew-committed", "worker", "the longer lease is committed"),
    Point("failure-written", "worker", "a failed step's reason is written, not committed"),
    Point("failure-committed", "worker", "a failed step's reason is committed"),
    Point("takeover-written", "worker", "a dead worker's lease is ended, not committed"),
    Point("takeover-committed", "worker", "a dead worker's lease is ended"),
    Point("giving-back-written", "worker", "a stopping worker's leases are ended, not committed"),
    Point("giving-back-committed", "worker", "a stopping worker's leases are ended"),
    Point("step-ordered", "forkserver", "the order to start a step has come"),
    Point("step-forked", "forkserver", "the step is forked"),
    Point("step-reaped", "forkserver", "the step has ended, the worker does not know"),
    Point("step-reported", "forkserver", "the worker has the step's exit code"),
    Point("engine-begun", "engine", "the step begins, nothing is read"),
    Point("start-written", "engine", "RUNNING is written, not committed"),
    Point("start-committed", "engine", "RUNNING is committed"),
    Point("prices-loaded", "engine", "request and prices are read"),
    Point("outcome-computed", "engine", "the result is computed, nothing is written"),
    Point("bundle-opened", "engine", "the bundle is emptied, no file is written"),
    Point("bundle-filled", "engine", "the bundle's files are written, no manifest"),
    Point("bundle-listed", "engine", "the manifest is written, not in its place"),
    Point("bundle-closed", "engine", "the bundle is complete"),
    Point("persist-begun", "persist", "the step begins, nothing is read"),
    Point("bundle-proven", "persist", "the bundle is read and proven"),
    Point("result-written", "persist", "result and SUCCEEDED are written, not committed"),
    Point("result-committed", "persist", "result and SUCCEEDED are committed"),
    Point("refusal-written", "persist", "the refusal of a bundle is written, not committed"),
    Point("refusal-committed", "persist", "the refusal of a bundle is committed"),
)  # fmt: skip
"""Those that a run meets; `qa.chaos` arms each of them."""
STUDY_POINTS = (
    Point("chunk-begun", "chunk", "the chunk's request and prices are read, nothing is computed"),
    Point("chunk-computed", "chunk", "the chunk is computed, nothing is written"),
    Point("chunk-written", "chunk", "the chunk is written, not committed"),
    Point("study-judged", "chunk", "the statistics of all chunks are computed, nothing is written"),
    Point("study-written", "chunk", "result and SUCCEEDED of the study are written, not committed"),
    Point("robustness-begun", "robustness", "run and prices are read, nothing is computed"),
    Point("robustness-computed", "robustness", "what of the result survives is computed, nothing is written"),
    Point("robustness-written", "robustness", "it is written, not committed"),
)
"""Those that a study meets in the processes of its chunks, and a result when it is asked what of it survives."""

_FOLDER = os.environ.get("FAULT_POINTS")


def hit(name: str) -> None:
    """Do nothing; where the failpoint is armed, disarm it and kill this process with SIGKILL."""
    if _FOLDER and _disarm(name):
        os.kill(os.getpid(), signal.SIGKILL)


def _disarm(name: str) -> bool:
    """Remove the failpoint's file; true in the one process that removed it."""
    try:
        os.unlink(os.path.join(_FOLDER or "", name))
    except OSError:
        return False
    return True
