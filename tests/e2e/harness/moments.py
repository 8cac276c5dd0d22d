"""When what happened to a workflow and its pods, seen from outside many times a second."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.e2e.harness.cluster import WORKFLOWS, Cluster, name_of

STEPS = ("engine", "persist")
_PAUSE_SECONDS = 0.02
SPANS = (
    ("start", "engine pod created", "submitted until the controller has created the first pod"),
    ("engine pod created", "engine at work", "pod scheduled, its network, Argo's init container"),
    ("engine at work", "engine done", "**the engine's own container**"),
    ("engine done", "engine pod done", "Argo's wait container: the result goes into the store"),
    ("engine pod done", "persist pod created", "the controller sees it and creates the second pod"),
    ("persist pod created", "persist at work", "pod scheduled, its network, the result is fetched"),
    ("persist at work", "persist done", "**the persist step's own container**"),
    ("persist done", "persist pod done", "Argo's wait container"),
    ("persist pod done", "end", "the controller sees it, the workflow is Succeeded"),
)
"""From one moment to another, and what happens between."""


def watch(cluster: Cluster, workflow: str, begun: float, *, seconds: float = 120) -> dict[str, float]:
    """Seconds from `begun` to each moment of the workflow, until it has ended."""
    seen: dict[str, float] = {"start": 0.0}
    path = f"{WORKFLOWS}/namespaces/{cluster.namespace}/workflows/{workflow}"
    while "end" not in seen:
        assert time.monotonic() - begun < seconds, f"not within {seconds:g} s: the end of {workflow}"
        for moment in _moments(cluster.pods(**{"workflows.argoproj.io/workflow": workflow})):
            seen.setdefault(moment, time.monotonic() - begun)
        if cluster.get(path).get("status", {}).get("phase") == "Succeeded":
            seen["end"] = time.monotonic() - begun
        time.sleep(_PAUSE_SECONDS)
    return seen


def spans(seen: Mapping[str, float]) -> list[float]:
    """The seconds of each span; a moment that was too short to be seen is that of the next one."""
    filled = dict(seen)
    following = filled["end"]
    for _, until, _ in reversed(SPANS):
        following = filled.setdefault(until, following)
    return [max(0.0, filled[until] - filled[since]) for since, until, _ in SPANS]


def _moments(pods: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for pod in pods:
        step = next((step for step in STEPS if f"-{step}-" in name_of(pod)), "")
        found += [f"{step} {moment}" for moment in _of_pod(pod)]
    return found


def _of_pod(pod: dict[str, Any]) -> list[str]:
    status = pod["status"]
    main = next((each["state"] for each in status.get("containerStatuses", ()) if each["name"] == "main"), {})
    found = ["pod created"]
    if "running" in main or "terminated" in main:
        found.append("at work")
    if "terminated" in main:
        found.append("done")
    if status.get("phase") in ("Succeeded", "Failed"):
        found.append("pod done")
    return found
