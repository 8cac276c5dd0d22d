"""Why a workflow failed, in words: from what Argo says about its pods and what the steps said themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from config import logs
from config.exit_codes import Exit
from workflows.failures import Failure

LONGEST_MESSAGE = 2_000
TERMINATION_LOG = "/dev/termination-log"
"""Where a container leaves its last words; Kubernetes keeps 4 KiB of them."""

_BROKEN = ("Failed", "Error")
_ABOUT_RETRIES = ("retryStrategy.expression evaluated to false", "No more retries left")
"""What Argo says of the node around a step's attempts; the attempt itself says why it failed."""
_EXIT = re.compile(r"\(exit code (\d+)\)(?:: (.*))?", re.DOTALL)
_STEPS = {
    "engine": "engine step",
    "persist": "persist step",
    "migrate": "migration",
    "record": "exit handler",
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A pod of a workflow that did not succeed, as Argo tells it."""

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
    Cause("OOMKilled", "out_of_memory", "ran out of memory, also with double the memory. Shorten the range, "
          "use fewer symbols, or have STEP_MEMORY_MIB raised"),
    Cause("DeadlineExceeded", "timeout", "took longer than a step may. Shorten the range, use fewer symbols, "
          "or have STEP_TIMEOUT_SECONDS raised"),
    Cause("active on the node longer than the specified deadline", "timeout", "took longer than a step may. "
          "Shorten the range, use fewer symbols, or have STEP_TIMEOUT_SECONDS raised"),
    Cause("exceeded its deadline", "timeout", "did not end within the time limit of a run. Shorten the "
          "range, use fewer symbols, or have STEP_TIMEOUT_SECONDS raised"),
    Cause("with strategy", "stopped", "was stopped in Argo Workflows by a person or a "
          "program. Submit the run again if that was not meant"),
    Cause("pod deleted", "pod_deleted", "lost its pod again and again: it was deleted or its node went away. "
          "Submit the run again"),
    Cause("violates PodSecurity", "forbidden_pod", "was refused by the cluster's pod security. The operator "
          "has to apply the templates of this release"),
    Cause("ImagePull", "no_image", "could not start: its image cannot be pulled. The operator has to check "
          "the image of the environment"),
    Cause("ErrImage", "no_image", "could not start: its image cannot be pulled. The operator has to check "
          "the image of the environment"),
    Cause("artifact", "artifact_store", "could not reach the artifact store. Submit the run again when it "
          "is back"),
    Cause("S3", "artifact_store", "could not reach the artifact store. Submit the run again when it is back"),
)  # fmt: skip


def broken_in(failures: str) -> list[Broken]:
    """The pods named by Argo's `workflow.failures`: JSON, one or several times quoted."""
    content: Any = failures
    while isinstance(content, str):
        try:
            content = json.loads(content)
        except ValueError:
            return []
    return _broken(content) if isinstance(content, list) else []


def broken_of(nodes: Mapping[str, Mapping[str, Any]]) -> list[Broken]:
    """The pods that did not succeed, from the nodes of a workflow's status."""
    return _broken(node for node in nodes.values() if node.get("type") == "Pod")


def _broken(nodes: Iterable[Any]) -> list[Broken]:
    found = [node for node in nodes if isinstance(node, Mapping) and node.get("phase") in _BROKEN]
    named = [
        Broken(*(str(node.get(name) or "") for name in ("templateName", "message", "finishedAt")))
        for node in found
    ]
    return sorted(named, key=lambda broken: broken.finished_at)


def explain(broken: list[Broken], workflow_message: str) -> Failure:
    """The failure of the step that broke last, or else of the workflow as a whole."""
    steps = [one for one in broken if one.template in ("engine", "persist") and one.message]
    telling = [one for one in steps if not one.message.startswith(_ABOUT_RETRIES)] or steps
    if not telling:
        return _from_phrase("workflow", workflow_message)
    last = telling[-1]
    step = _STEPS[last.template]
    exit_code, said = _exit_of(last.message)
    if said is not None:
        return said
    if exit_code == Exit.OUT_OF_MEMORY:
        return _from_phrase(step, "OOMKilled")
    if exit_code == Exit.TRY_AGAIN:
        return Failure(
            "database_away",
            f"The {step} could not reach the database, however often it was tried. "
            "Submit the run again when it is back.",
        )
    return _from_phrase(step, last.message)


def last_words(failure: Failure) -> str:
    """A failure as a step leaves it for `explain`, short enough to be kept whole."""
    message = logs.redacted(failure.message)[:LONGEST_MESSAGE]
    return json.dumps({"error_code": failure.code, "error_message": message})


def _exit_of(message: str) -> tuple[int | None, Failure | None]:
    """The exit code in a pod's message, and what the step itself said."""
    found = _EXIT.search(message)
    if found is None:
        return None, None
    try:
        said = json.loads(found[2] or "")
        return int(found[1]), Failure(str(said["error_code"]), str(said["error_message"]))
    except (ValueError, KeyError, TypeError):
        return int(found[1]), None


def _from_phrase(subject: str, message: str) -> Failure:
    for cause in _CAUSES:
        if cause.phrase in message:
            return Failure(cause.code, f"The {subject} {cause.meaning}.{_quoted(message)}")
    return Failure("workflow_failed", f"The {subject} failed in the cluster.{_quoted(message)}")


def _quoted(message: str) -> str:
    cleaned = logs.redacted(message.strip())[:LONGEST_MESSAGE]
    return f" Argo says: {cleaned}" if cleaned else " Argo gives no reason."
