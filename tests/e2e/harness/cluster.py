"""A Kubernetes cluster as the tests use it: through kubectl, and quickly through its API."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

WORKFLOWS = "apis/argoproj.io/v1alpha1"


def run(*command: str, stdin: str | None = None, seconds: float = 180) -> str:
    """The output of a program; raises with its error output where it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def until(condition: Callable[[], Any], seconds: float, what: str, *, pause: float = 0.1) -> Any:
    """The first true answer; an assertion names what did not come."""
    give_up_at = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < give_up_at, f"not within {seconds:g} s: {what}"
        time.sleep(pause)
    return answer


class Tunnel:
    """A kubectl that forwards one local port; begun again whenever it has ended."""

    def __init__(self, *command: str) -> None:
        self._command = ["kubectl", *command]
        self._process: subprocess.Popen[str] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """Where to connect."""
        if self._process is None or self._process.poll() is not None:
            self._open()
        return self._address

    def _open(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        address = re.search(r"127\.0\.0\.1:\d+", line)
        if address is None:
            self.close()
            raise ConnectionError(f"{' '.join(self._command)}: {line}")
        self._address = f"http://{address[0]}"

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Cluster:
    """One namespace of the cluster that KUBECONFIG names."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._proxy = Tunnel("proxy", "--port=0")
        self._session = requests.Session()

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 180) -> str:
        """kubectl in the namespace."""
        return run("kubectl", "-n", self.namespace, *arguments, stdin=stdin, seconds=seconds)

    def argo(self, *arguments: str, seconds: float = 180) -> str:
        """The command line of Argo Workflows in the namespace."""
        return run("argo", "-n", self.namespace, *arguments, seconds=seconds)

    def submit(self, template: str, **parameters: str) -> str:
        """Submit from a template, as the Argo UI does; the workflow's name."""
        given = [part for name, value in parameters.items() for part in ("-p", f"{name}={value}")]
        return self.argo("submit", "--from", f"workflowtemplate/{template}", *given, "-o", "name").strip()

    def token(self, account: str, *, namespace: str = "") -> str:
        """A token of an account, for two hours."""
        where = namespace or self.namespace
        return run("kubectl", "-n", where, "create", "token", account, "--duration=2h").strip()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """An answer of the API server; empty where there is no such object."""
        answer = self._session.get(f"{self._proxy.address}/{path}", params=query, timeout=60)
        if answer.status_code == 404:
            return {}
        answer.raise_for_status()
        return dict(answer.json())

    def post(self, path: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Create an object; the object as it was accepted."""
        answer = self._session.post(f"{self._proxy.address}/{path}", json=thing, timeout=60)
        assert answer.ok, answer.text
        return dict(answer.json())

    def delete(self, path: str, **options: Any) -> None:
        """Delete an object by its path, at once; one that is gone is no error."""
        answer = self._session.delete(
            f"{self._proxy.address}/{path}", json={"kind": "DeleteOptions", "apiVersion": "v1", **options},
            timeout=60,
        )  # fmt: skip
        if answer.status_code != 404:
            answer.raise_for_status()

    def workflow(self, name: str) -> dict[str, Any]:
        """A workflow of the namespace, or nothing."""
        return self.get(f"{WORKFLOWS}/namespaces/{self.namespace}/workflows/{name}")

    def status(self, workflow: str) -> dict[str, Any]:
        """How far a workflow is; empty until the controller has looked at it."""
        return dict(self.workflow(workflow).get("status", {}))

    def phase(self, workflow: str) -> str:
        """The phase of a workflow, in Argo's words."""
        return str(self.status(workflow).get("phase", "Pending"))

    def workflows(self, **labels: str) -> list[dict[str, Any]]:
        """The workflows of the namespace with these labels."""
        return self._listed(f"{WORKFLOWS}/namespaces/{self.namespace}/workflows", labels)

    def pods(self, **labels: str) -> list[dict[str, Any]]:
        """The pods of the namespace with these labels."""
        return self._listed(f"api/v1/namespaces/{self.namespace}/pods", labels)

    def task_results(self, workflow: str) -> list[dict[str, Any]]:
        """What Argo's containers left about the steps of a workflow."""
        path = f"{WORKFLOWS}/namespaces/{self.namespace}/workflowtaskresults"
        return self._listed(path, {"workflows.argoproj.io/workflow": workflow})

    def kill(self, pod: str) -> None:
        """Take a pod away without giving it time."""
        self.delete(f"api/v1/namespaces/{self.namespace}/pods/{pod}", gracePeriodSeconds=0)

    def scale(self, what: str, replicas: int, *, namespace: str = "") -> None:
        """Set the number of replicas of a deployment or a stateful set."""
        run("kubectl", "-n", namespace or self.namespace, "scale", what, f"--replicas={replicas}")

    def ready(self, what: str, *, seconds: int = 300, namespace: str = "") -> None:
        """Wait until a deployment or a stateful set is there whole."""
        where = namespace or self.namespace
        run("kubectl", "-n", where, "rollout", "status", what, f"--timeout={seconds}s", seconds=seconds + 10)

    @contextmanager
    def stopped(self, what: str, labels: dict[str, str], *, namespace: str = "") -> Iterator[None]:
        """Without that deployment or stateful set inside of the block."""
        where = namespace or self.namespace
        self.scale(what, 0, namespace=where)
        path = f"api/v1/namespaces/{where}/pods"
        until(lambda: not self._listed(path, labels), 180, f"{what} is stopped")
        try:
            yield
        finally:
            self.scale(what, 1, namespace=where)

    def exists(self) -> bool:
        """Whether there is such a namespace."""
        return bool(self.get(f"api/v1/namespaces/{self.namespace}"))

    def remove(self) -> None:
        """Delete the namespace: first what starts workflows, then workflows, so that their artifacts go too."""
        if not self.exists():
            return
        self.kubectl("delete", "deployments,cronjobs", "--all")
        self.kubectl("delete", "workflows", "--all", "--wait=false")
        try:
            until(lambda: not self.workflows(), 120, "the workflows are gone", pause=1)
        except AssertionError:
            for workflow in self.workflows():
                self.kubectl("patch", "workflow", name_of(workflow), "--type=merge",
                             "-p", '{"metadata": {"finalizers": null}}')  # fmt: skip
        run("kubectl", "delete", "namespace", self.namespace, "--timeout=600s", seconds=330)

    def close(self) -> None:
        """Close the proxy."""
        self._proxy.close()

    def _listed(self, path: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        return list(self.get(path, labelSelector=selector).get("items", ()))


def name_of(thing: dict[str, Any]) -> str:
    """The name of an object."""
    return str(thing["metadata"]["name"])


def pod_of(pods: list[dict[str, Any]], step: str) -> dict[str, Any] | None:
    """The newest pod of a step."""
    found = [pod for pod in pods if f"-{step}-" in name_of(pod)]
    return max(found, key=lambda pod: pod["metadata"]["creationTimestamp"]) if found else None


def as_json(text: str) -> Any:
    """What a program wrote as JSON."""
    return json.loads(text)
