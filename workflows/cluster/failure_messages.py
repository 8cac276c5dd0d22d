"""Why a workflow failed: from the termination message of its step, or from what Argo reports of its pods."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import logs
from config.exit_codes import Exit
from workflows.failures import Failure

log = logs.get(__name__)

LONGEST_MESSAGE = 2_000
_MOST_BYTES = 3_500
TERMINATION_LOG = "/dev/termination-log"
"""Where a container leaves its termination message; Kubernetes keeps 4 KiB of it."""

_FAILED = ("Failed", "Error")
_ABOUT_RETRIES = ("retryStrategy.expression evaluated to false", "No more retries left")
"""What Argo reports of the node around a step's attempts; the attempt itself has the reason."""
_EXIT = re.compile(r"\(exit code (\d{1,9})\)(?:: (.*))?", re.DOTALL)
_CODE = re.compile(r"(.*) \[([a-z][a-z0-9_]{0,63})\]", re.DOTALL)
_STEPS = {name: f"{name} step" for name in ("engine", "plan", "chunk", "judge", "persist")}


@dataclass(frozen=True, slots=True)
class FailedPod:
    """A pod of a workflow that did not succeed, as Argo reports it."""

    template: str
    message: str
    finished_at: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A phrase of Argo or Kubernetes, and what it means to the person who submitted."""

    phrase: str
    code: str
    meaning: str


_CAUSES = (
    Cause("OOMKilled", "out_of_memory", "ran out of memory, even with double the memory. Shorten the range, "
          "use fewer symbols, or ask the operator to raise STEP_MEMORY_MIB"),
    Cause("DeadlineExceeded", "timeout", "exceeded the time limit of a step. Shorten the range, use fewer symbols, "
          "or ask the operator to raise STEP_TIMEOUT_SECONDS"),
    Cause("active on the node longer than the specified deadline", "timeout", "exceeded the time limit of a step. "
          "Shorten the range, use fewer symbols, or ask the operator to raise STEP_TIMEOUT_SECONDS"),
    Cause("exceeded its deadline", "timeout", "exceeded the time limit of a run. Shorten the "
          "range, use fewer symbols, or ask the operator to raise STEP_TIMEOUT_SECONDS"),
    Cause("with strategy", "stopped", "was stopped in Argo Workflows by a user or a "
          "program. Submit the run again if this was unintended"),
    Cause("pod deleted", "pod_deleted", "lost its pod repeatedly: the pod was deleted or its node failed. "
          "Submit the run again"),
    Cause("violates PodSecurity", "forbidden_pod", "was rejected by the pod security of the cluster. The operator "
          "has to apply the templates of this release"),
    Cause("ImagePull", "no_image", "could not start: its image cannot be pulled. The operator has to check "
          "the image of the environment"),
    Cause("ErrImage", "no_image", "could not start: its image cannot be pulled. The operator has to check "
          "the image of the environment"),
    Cause("artifact", "artifact_store", "could not reach the artifact store. Submit the run again when it "
          "is back"),
    Cause("S3", "artifact_store", "could not reach the artifact store. Submit the run again when it is available"),
)  # fmt: skip


def failed_pods_of(nodes: Mapping[str, Mapping[str, Any]]) -> list[FailedPod]:
    """The pods that did not succeed, from the nodes of a workflow's status."""
    failed = [node for node in nodes.values() if node.get("type") == "Pod" and node.get("phase") in _FAILED]
    pods = [
        FailedPod(*(str(node.get(name) or "") for name in ("templateName", "message", "finishedAt")))
        for node in failed
    ]
    return sorted(pods, key=lambda pod: pod.finished_at)


def failure_of(pods: list[FailedPod], workflow_message: str) -> Failure:
    """The failure of the step that failed last, or else of the workflow as a whole."""
    steps = [pod for pod in pods if pod.template in _STEPS and pod.message]
    attempts = [pod for pod in steps if not pod.message.startswith(_ABOUT_RETRIES)] or steps
    if not attempts:
        return _from_phrase("workflow", workflow_message)
    last = attempts[-1]
    step = _STEPS[last.template]
    exit_code, own_failure = _parse_message(last.message)
    if own_failure is not None:
        return own_failure
    if exit_code == Exit.OUT_OF_MEMORY:
        return _from_phrase(step, "OOMKilled")
    if exit_code == Exit.TRY_AGAIN:
        return Failure(
            "database_away",
            f"The {step} could not reach the database after all retries. "
            "Submit the run again when it is available.",
        )
    return _from_phrase(step, last.message)


def leave(failure: Failure) -> None:
    """Leave the failure where Kubernetes keeps it: Argo shows it, and the dispatcher reads it from the workflow."""
    path = Path(os.environ.get("TERMINATION_LOG", TERMINATION_LOG))
    try:
        path.write_text(termination_message(failure), encoding="utf-8")
    except OSError as error:
        log.error("termination message could not be written", error=str(error), reason=failure.message)


def termination_message(failure: Failure) -> str:
    """A failure as a step leaves it: a sentence for people of the Argo UI, and its code for `failure_of`.

    It is short enough for Kubernetes to keep it whole.
    """
    message = logs.redacted(failure.message)[:LONGEST_MESSAGE]
    return f"{message.encode()[:_MOST_BYTES].decode(errors='ignore')} [{failure.code}]"


def _parse_message(message: str) -> tuple[int | None, Failure | None]:
    """The exit code in a pod's message, and the failure in the step's own termination message."""
    match = _EXIT.search(message)
    if match is None:
        return None, None
    left = _CODE.fullmatch((match[2] or "").strip())
    if left is None:
        return int(match[1]), None
    return int(match[1]), Failure.from_json({"error_code": left[2], "error_message": left[1]})


def _from_phrase(subject: str, message: str) -> Failure:
    for cause in _CAUSES:
        if cause.phrase in message:
            return Failure(cause.code, f"The {subject} {cause.meaning}.{_quoted(message)}")
    return Failure("workflow_failed", f"The {subject} failed in the cluster.{_quoted(message)}")


def _quoted(message: str) -> str:
    cleaned = logs.redacted(message.strip())[:LONGEST_MESSAGE]
    return f" Argo says: {cleaned}" if cleaned else " Argo gives no reason."
