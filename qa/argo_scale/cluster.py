"""Argo's controller under pods that do nothing, at several of its settings, on the cluster of KUBECONFIG.

The pods are those of a study without their work: the same executor, no artifact. They live in a namespace of their own,
which is removed at the end, and the controller's own settings are put back.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

NAMESPACE: Final = "sbt-scale"
ARGO: Final = "argo"
CONTROLLER: Final = "workflow-controller"
TEMPLATE: Final = "does-nothing"
_METRIC: Final = re.compile(r"^(\w+)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)
_PROCESSOR: Final = "process_cpu_seconds_total"
_LONGEST_SECONDS: Final = 1_800
_LEADS_SECONDS: Final = 90
_POD_NUMBERS: Final = "{{workflow.parameters.pods}}"


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """What of the controller is varied."""

    requeue: str
    qps: int
    burst: int
    workers: int

    def __str__(self) -> str:
        return f"{self.requeue}, {self.qps}/{self.burst}, {self.workers}"

    @property
    def container(self) -> dict[str, Any]:
        """Arguments and environment of its container."""
        identity = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
        return {
            "args": [f"--qps={self.qps}", f"--burst={self.burst}", f"--workflow-workers={self.workers}"],
            "env": [
                {"name": "LEADER_ELECTION_IDENTITY", "valueFrom": identity},
                {"name": "DEFAULT_REQUEUE_TIME", "value": self.requeue},
            ],
        }


SETTINGS: Final = (
    ControllerSettings("20ms", 100, 200, 32),
    ControllerSettings("200ms", 100, 200, 32),
    ControllerSettings("1s", 100, 200, 32),
    ControllerSettings("1s", 20, 30, 32),
    ControllerSettings("10s", 20, 30, 32),
    ControllerSettings("200ms", 100, 200, 8),
)
CHOSEN: Final = SETTINGS[0]
"""What argocd/argo-workflows.yaml sets."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one workflow took: seconds, the controller's processor seconds and memory, requests to the API server, bytes."""

    settings: ControllerSettings
    pods: int
    seconds: float
    processor_seconds: float
    memory_mib: float
    requests: float
    workflow_bytes: int

    @property
    def row(self) -> str:
        """A row of the table."""
        return (
            f"| {self.settings} | {self.pods} | {self.seconds:.0f} | {self.seconds / self.pods:.2f} | "
            f"{self.processor_seconds:.1f} | {self.memory_mib:.0f} | {self.requests:,.0f} | {self.workflow_bytes:,} |"
        )


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """The output of kubectl; raises with its error output."""
    done = subprocess.run(
        ["kubectl", *arguments], input=stdin, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def namespace(image: str, parallelism: int) -> Iterator[None]:
    """The namespace with the template, its account and rights; removed behind the block."""
    try:
        kubectl(
            "apply",
            "-f",
            "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": _things(image, parallelism)}),
        )
        yield
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=280s")


def _things(image: str, parallelism: int) -> list[dict[str, Any]]:
    rbac = "rbac.authorization.k8s.io/v1"
    named = {"name": "steps", "namespace": NAMESPACE}
    rules = [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    ]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "steps"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        {"apiVersion": rbac, "kind": "Role", "metadata": named, "rules": rules},
        {"apiVersion": rbac, "kind": "RoleBinding", "metadata": named, "roleRef": reference,
         "subjects": [{"kind": "ServiceAccount", "name": "steps"}]},
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate",
         "metadata": {"name": TEMPLATE, "namespace": NAMESPACE}, "spec": _template(image, parallelism)},
    ]  # fmt: skip


def _template(image: str, parallelism: int) -> dict[str, Any]:
    """The fan-out of backtest-sweep: numbers alone, retries, pods removed as soon as they succeed."""
    small = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}
    patch = {
        "containers": [{"name": "wait", "resources": small}],
        "initContainers": [{"name": "init", "resources": small}],
    }
    return {
        "entrypoint": "main",
        "serviceAccountName": "steps",
        "arguments": {"parameters": [{"name": "pods", "value": "[0]"}]},
        "podGC": {"strategy": "OnPodSuccess", "deleteDelayDuration": "0s"},
        "podSpecPatch": json.dumps(patch),
        "templates": [
            {"name": "main", "parallelism": parallelism, "dag": {"failFast": False, "tasks": [
                {"name": "chunk", "template": "chunk", "withParam": _POD_NUMBERS,
                 "arguments": {"parameters": [{"name": "pod", "value": "{{item}}"}]}},
            ]}},
            {"name": "chunk", "inputs": {"parameters": [{"name": "pod"}]},
             "retryStrategy": {"limit": 4, "retryPolicy": "OnError"},
             "container": {"image": image, "imagePullPolicy": "IfNotPresent", "command": ["true"], "resources": small}},
        ],
    }  # fmt: skip


@contextmanager
def controller_put_back() -> Iterator[None]:
    """Behind the block the controller has the settings that it had before."""
    path = ("-n", ARGO, "get", "deployment", CONTROLLER, "-o", "json")
    container = json.loads(kubectl(*path))["spec"]["template"]["spec"]["containers"][0]
    before = {name: container.get(name, []) for name in ("args", "env")}
    try:
        yield
    finally:
        _configure(before)


def configure(settings: ControllerSettings) -> None:
    """Give the controller these settings and wait until it has them."""
    _configure(settings.container)


def _configure(container: dict[str, Any]) -> None:
    patch = [
        {"op": "add", "path": f"/spec/template/spec/containers/0/{name}", "value": value}
        for name, value in container.items()
    ]
    kubectl("-n", ARGO, "patch", "deployment", CONTROLLER, "--type=json", "-p", json.dumps(patch))
    kubectl("-n", ARGO, "rollout", "status", f"deployment/{CONTROLLER}", "--timeout=180s")


def measure(settings: ControllerSettings, pods: int) -> Seen:
    """Execute one workflow of so many pods that do nothing."""
    before, asked = _controller(), _requests()
    began = time.monotonic()
    name = _submit(pods)
    most = _until_ended(name)
    seconds = time.monotonic() - began
    after = _controller()
    seen = Seen(
        settings, pods, seconds, after[_PROCESSOR] - before[_PROCESSOR],
        after["process_resident_memory_bytes"] / 2**20, _requests() - asked, most,
    )  # fmt: skip
    kubectl("-n", NAMESPACE, "delete", "workflow", name)
    return seen


def _submit(pods: int) -> str:
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"generateName": "nothing-", "namespace": NAMESPACE},
        "spec": {
            "workflowTemplateRef": {"name": TEMPLATE},
            "arguments": {"parameters": [{"name": "pods", "value": json.dumps(list(range(pods)))}]},
        },
    }  # fmt: skip
    return kubectl("create", "-f", "-", "-o", "name", stdin=json.dumps(workflow)).strip().partition("/")[2]


def _until_ended(name: str) -> int:
    """Wait for the end of a workflow; the most bytes that it had, as the API server stores it."""
    give_up_at, most = time.monotonic() + _LONGEST_SECONDS, 0
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/workflows/{name}"
    while time.monotonic() < give_up_at:
        text = kubectl("get", "--raw", path)
        most = max(most, len(text))
        phase = json.loads(text).get("status", {}).get("phase")
        if phase in ("Failed", "Error"):
            raise RuntimeError(f"{name} is {phase}")
        if phase == "Succeeded":
            return most
        time.sleep(1)
    raise TimeoutError(f"{name} has not ended within {_LONGEST_SECONDS} s")


def _controller() -> dict[str, float]:
    """The controller's own metrics, by TLS through the API server, as soon as it is the one that leads."""
    give_up_at = time.monotonic() + _LEADS_SECONDS
    while True:
        found = kubectl("-n", ARGO, "get", "pods", "-l", f"app={CONTROLLER}", "-o", "name").split()
        metrics = _metrics_of(found[0].partition("/")[2]) if len(found) == 1 else {}
        if _PROCESSOR in metrics:
            return metrics
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"no controller leads within {_LEADS_SECONDS} s: {', '.join(found)}")
        time.sleep(1)


def _metrics_of(pod: str) -> dict[str, float]:
    try:
        return _sums(
            kubectl("get", "--raw", f"/api/v1/namespaces/{ARGO}/pods/https:{pod}:9090/proxy/metrics")
        )
    except RuntimeError:  # it serves them once it leads
        return {}


def _requests() -> float:
    """Requests that the API server has answered so far, of all clients."""
    return _sums(kubectl("get", "--raw", "/metrics"))["apiserver_request_total"]


def _sums(text: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, value in _METRIC.findall(text):
        sums[name] = sums.get(name, 0.0) + float(value)
    return sums


def table(seen: list[Seen], facts: str) -> str:
    """What was measured, as a page says it."""
    return "\n".join(
        [
            f"Written by `python -m qa.argo_scale controller`, on {facts}, one node, Argo Workflows 4.1. Pods "
            "that do nothing, "
            "fanned out over numbers as the chunks of a study are. Requests are all that the API server answered meanwhile; "
            "bytes are those of the workflow as the API gives it, at its largest.",
            "",
            "| requeue, qps/burst, workers | pods | seconds | a pod | controller's processor, s | its memory, MiB | "
            "API requests | workflow, bytes |",
            "|---|---|---|---|---|---|---|---|",
            *(each.row for each in seen),
        ]
    )
