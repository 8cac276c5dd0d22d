"""Workflows that differ from the template in one respect: a fault in a pod, limits that are too low, short lives."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.e2e.harness.cluster import WORKFLOWS, Cluster, name_of, until
from tests.e2e.harness.product import AS_ARGUMENTS

Spec = dict[str, Any]
Change = Callable[[Spec], None]
_SUBMISSIONS = 5
"""How often a workflow is submitted whose template is so new that the controller's cache may not hold it yet."""


def start(cluster: Cluster, *changes: Change, run_id: str = "", **arguments: str) -> str:
    """Install the template with these changes under a name of its own and submit from it; the workflow's name.

    Argo executes nothing that is not one of an installed template.
    """
    template = cluster.get(f"{WORKFLOWS}/namespaces/{cluster.namespace}/workflowtemplates/backtest")
    spec = copy.deepcopy(template["spec"])
    given = AS_ARGUMENTS | {"run_id": run_id} | arguments
    for parameter in spec["arguments"]["parameters"]:
        parameter["value"] = given.get(parameter["name"], parameter.get("value", ""))
    for change in changes:
        change(spec)
    template = _create(cluster, "WorkflowTemplate", spec)
    for _ in range(_SUBMISSIONS):
        workflow = _create(cluster, "Workflow", {"workflowTemplateRef": {"name": template}})
        if f'"{template}" not found' not in _first_message(cluster, workflow):
            return workflow
    raise AssertionError(f"the controller does not see WorkflowTemplate {template}")


def _first_message(cluster: Cluster, workflow: str) -> str:
    """What the controller says of a workflow when it has looked at it."""
    until(lambda: cluster.phase(workflow) != "Pending", 180, "the controller has looked at the workflow")
    return str(cluster.status(workflow).get("message", ""))


def _create(cluster: Cluster, kind: str, spec: Spec) -> str:
    """Create an object of Argo; its name."""
    created = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": {"generateName": "variant-"},
        "spec": spec,
    }
    return name_of(cluster.post(f"{WORKFLOWS}/namespaces/{cluster.namespace}/{kind.lower()}s", created))


def part(spec: Spec, name: str) -> dict[str, Any]:
    """A template of the spec by its name."""
    return next(each for each in spec["templates"] if each["name"] == name)


def dying_at(step: str, point: str) -> Change:
    """The step's first attempt dies at that named point of the code, as by kill -9."""

    def change(spec: Spec) -> None:
        container = part(spec, step)["container"]
        arm = f'mkdir /tmp/points; [ "$0" != 0 ] || touch /tmp/points/{point}; exec "$@"'
        container["args"] = ["{{retries}}", *container["command"], *container["args"]]
        container["command"] = ["sh", "-c", arm]
        container["env"].append({"name": "FAULT_POINTS", "value": "/tmp/points"})

    return change


def running(step: str, script: str) -> Change:
    """The step does something else: a line of shell."""

    def change(spec: Spec) -> None:
        part(spec, step)["container"] |= {"command": ["sh", "-c", script], "args": []}

    return change


def with_rule(cluster: Cluster, name: str, does: str) -> Change:
    """The engine step finds a rule that does this in the place of buy-and-hold."""
    code = (
        "import numpy as np\n"
        "from backtest.rules import trends\n"
        "def exposure(self, prices):\n"
        f"    {does}\n"
        "    return np.ones(len(prices))\n"
        "trends.BuyAndHold.exposure = exposure\n"
    )
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made | {"data": {"sitecustomize.py": code}}))

    def change(spec: Spec) -> None:
        engine = part(spec, "engine")
        engine["volumes"].append({"name": "rule", "configMap": {"name": name}})
        engine["container"]["volumeMounts"].append({"name": "rule", "mountPath": "/rule"})
        engine["container"]["env"].append({"name": "PYTHONPATH", "value": "/rule:/app"})

    return change


def with_memory(mib: int) -> Change:
    """The engine step has so little memory, and once the double."""

    def change(spec: Spec) -> None:
        engine = part(spec, "engine")
        limits = engine["container"]["resources"]
        usual = int(limits["limits"]["memory"].removesuffix("Mi"))
        limits["requests"]["memory"] = limits["limits"]["memory"] = f"{mib}Mi"
        engine["podSpecPatch"] = (
            engine["podSpecPatch"].replace(f"{2 * usual}Mi", f"{2 * mib}Mi").replace(f"{usual}Mi", f"{mib}Mi")
        )

    return change


def living(*, success: int, failure: int, completion: int) -> Change:
    """Cleaned up after so many seconds."""

    def change(spec: Spec) -> None:
        spec["ttlStrategy"] = {
            "secondsAfterSuccess": success,
            "secondsAfterFailure": failure,
            "secondsAfterCompletion": completion,
        }

    return change


def trying_once(spec: Spec) -> None:
    """No second attempt of any step."""
    for name in ("engine", "persist"):
        part(spec, name)["retryStrategy"]["limit"] = 0


def unstartable(spec: Spec) -> None:
    """Where its artifacts go is written in a ConfigMap that does not exist."""
    spec["artifactRepositoryRef"] = {"configMap": "not-installed", "key": "s3"}


def kept(spec: Spec) -> None:
    """Workflow and pods stay for a look at their times."""
    living(success=600, failure=600, completion=600)(spec)
    spec.pop("podGC")


def doing_nothing(spec: Spec) -> None:
    """The same two pods with the same artifact between them, and no work of ours in either."""
    running("engine", "mkdir -p /out/bundle; echo nothing > /out/bundle/nothing")(spec)
    running("persist", "test -s /in/bundle/nothing")(spec)
